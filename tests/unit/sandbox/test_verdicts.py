"""What comes of a program and its tests: a pass, or a miss that says why."""

import sys
import textwrap

import pytest

from llmlab_pytest.core import DataError, SandboxError
from llmlab_pytest.sandbox import Execution, run_tests

pytestmark = pytest.mark.usefixtures("confined")


def _run(program: str, tests: str, *, timeout_s: float = 3.0) -> Execution:
    program, tests = textwrap.dedent(program), textwrap.dedent(tests)
    return run_tests(program, tests, timeout_s=timeout_s)


def test_right_program_passes() -> None:
    """The tests run to their end and raise nothing."""
    assert _run("def add(a, b): return a + b", "assert add(1, 2) == 3") == Execution(
        has_passed=True
    )


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (
            "def f(x): return x + 2",
            "failed: assert f(1) == 2 (the last call returned 3)",
        ),
        ("def f(x): return x / 0", "ZeroDivisionError: division by zero in: assert "),
        ("def f(x): raise KeyError(x)", "KeyError: 1 in: assert f(1) == 2"),
        ("def f(x): assert x > 5, 'small'", "AssertionError: small in: assert f(1)"),
        ("class Own(Exception): pass\ndef f(x): raise Own('no')", "Own: no in: assert"),
        (
            "def g(x): return x + 1",
            "NameError: name 'f' is not defined in: assert f(1)",
        ),
        ("def f(x: return", "SyntaxError: invalid syntax (<program>, line 1)"),
        ("import numpy", "ModuleNotFoundError: No module named 'numpy'"),
        ("def f(x): return f(x)", "RecursionError: maximum recursion depth exceeded"),
        ("def f(x): return input()", "EOFError: EOF when reading a line in: assert"),
        ("def f(x):\n  while True: pass", "timeout: no end within "),
        ("while True: pass", "timeout: no end within "),
        ("import time\ndef f(x): time.sleep(60)", "timeout: no end within 1.5 s"),
    ],
    ids=lambda value: value[:24] if " in: " not in value else "",
)
def test_wrong_program_is_a_miss_that_says_why(program: str, reason: str) -> None:
    """A wrong value, an exception, a missing name, a timeout: none is our trouble."""
    execution = _run(program, "assert f(1) == 2", timeout_s=0.5)
    assert not execution.has_passed
    assert (execution.reason or "").startswith(reason)


def test_failing_line_is_the_one_of_the_tests() -> None:
    """Of several lines and functions, the one that failed is named."""
    tests = """
        def check(candidate):
            assert candidate(1) == 1
            assert candidate(2) == 4
            assert candidate(3) == 9
        check(double)
    """
    assert _run("def double(x): return 2 * x if x > 1 else 1", tests).reason == (
        "failed: assert candidate(3) == 9 (the last call returned 6)"
    )


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (value, repr(value))
        for value in (
            None,
            [1, -(2**70), 2.5, -0.0, True, "ü\ud800", b"\xff", 1 + 2j],
            ({1, 2}, frozenset({3}), (), {"a": [{}], (1, 2): None}),
            10**4000,
        )
    ],
    ids=["none", "scalars", "containers", "long"],
)
def test_plain_values_cross_unchanged_both_ways(value: object, code: str) -> None:
    """Types and values of arguments and results are those of one process."""
    tests = f"value = {code}\nassert repr(same(value)) == repr(value)"
    assert _run("def same(x): return x", tests).reason is None


def test_subclasses_are_compared_as_their_base() -> None:
    """A Counter equals the dict that the tests compare it with, as in one process."""
    program = """
        from collections import Counter, namedtuple, OrderedDict
        from enum import IntEnum
        Point = namedtuple("Point", "x y")
        class Level(IntEnum):
            HIGH = 3
        def f(kind):
            return {"counter": Counter("aab"), "point": Point(1, 2),
                    "ordered": OrderedDict(a=1), "level": Level.HIGH}[kind]
    """
    tests = """
        assert f("counter") == {"a": 2, "b": 1}
        assert f("point") == (1, 2)
        assert f("ordered") == {"a": 1}
        assert f("level") == 3
    """
    assert _run(program, tests).reason is None


def test_objects_stay_with_the_program_and_can_be_used() -> None:
    """Classes are called, instances passed back, methods called, iterators consumed."""
    program = """
        import math
        LIMIT = 10
        class Stack:
            def __init__(self): self.items = []
            def push(self, item): self.items.append(item)
            def pop(self): return self.items.pop()
            def __len__(self): return len(self.items)
        def size(stack): return len(stack.items)
        def squares(n):
            for x in range(n): yield x * x
    """
    tests = """
        stack = Stack()
        stack.push((1, 2)); stack.push("b")
        assert size(stack) == len(stack) == LIMIT - 8
        assert stack.pop() == "b" and stack.items == [(1, 2)]
        assert list(squares(4)) == [0, 1, 4, 9]
        assert math.isclose(math.pi, 3.141592653589793)
        try:
            stack.missing
        except AttributeError:
            pass
        else:
            raise AssertionError
    """
    assert _run(program, tests).reason is None


def test_objects_are_true_and_equal_as_where_they_live() -> None:
    """Truth is the object's own; one object is equal to itself, and to nothing else."""
    program = """
        class Thing: pass
        class Empty:
            def __len__(self): return 0
        class Like(Thing):
            def __eq__(self, other): return True
        only = Thing()
        def thing(): return only
    """
    tests = """
        assert thing() and not Empty() and Thing
        assert thing() == thing() and thing() in {only: 1}
        assert thing() != Thing() and Like() != Like() and Like() != 1
    """
    assert _run(program, tests).reason is None


def test_exceptions_reach_the_tests_by_their_class() -> None:
    """Tests that want an exception get one of the same built-in class."""
    program = "def f(x): raise ValueError('no')"
    tests = """
        try:
            f(1)
        except ValueError as error:
            assert str(error) == "no"
        else:
            raise AssertionError("no exception")
    """
    assert _run(program, tests).reason is None


def test_function_called_like_a_builtin_is_what_is_tested() -> None:
    """Where tests use nothing else of the program, a built-in name is the program's."""
    program = "def sum(a, b): return a * b"
    assert _run(program, "assert sum(3, 4) == 12").has_passed
    shadowed = "def len(x): return 1\ndef f(): return [1, 2]"
    assert _run(shadowed, "assert len(f()) == 2").has_passed


def test_equal_runs_give_equal_results() -> None:
    """Sets of strings have one order in every run: no verdict depends on luck."""
    program = "def f(): return list({str(n) for n in range(50)})"
    reasons = {_run(program, "assert f() == 1").reason for _ in range(3)}
    assert len(reasons) == 1


def test_private_directory_can_be_written_and_is_removed() -> None:
    """A program may keep files of its own; the next run has none of them."""
    program = """
        import os, tempfile
        def f():
            with open("note.txt", "w") as file: file.write("x")
            os.rename("note.txt", "kept.txt")
            with tempfile.TemporaryFile() as file: file.write(b"y")
            return sorted(os.listdir(".")), os.getcwd()
        before = os.listdir(".")
    """
    tests = "files, folder = f()\nassert files == ['kept.txt'] and before == []"
    assert _run(program, tests).reason is None
    assert _run(program, tests).reason is None


def test_trouble_of_the_sandbox_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that does not start gives no verdict about the program."""
    command = (sys.executable, "-c", "raise SystemExit(3)")
    monkeypatch.setattr("llmlab_pytest.sandbox._run._COMMAND", command)
    with pytest.raises(SandboxError, match="exit status 3"):
        run_tests("def f(): return 1", "assert f() == 1")


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("lambda x: x", "the type function cannot be passed"),
        ("'x' * 9_000_000", "a value of 90000"),
    ],
)
def test_tests_that_pass_the_impossible_are_an_error(argument: str, said: str) -> None:
    """What cannot be passed is a fault of the tests: an error, never a miss."""
    tests = f"try:\n    f({argument})\nexcept BaseException:\n    pass"
    with pytest.raises(DataError, match=said):
        _run("def f(x): return 1", tests)


def test_too_long_a_job_is_an_error() -> None:
    """Nothing is started for a program that would not be read."""
    with pytest.raises(DataError, match="too long"):
        _run(f"# {'x' * 9_000_000}", "")


def test_endless_tests_are_a_timeout() -> None:
    """Tests that a value sends into a loop end with the program's time."""
    tests = "while f() == 1: pass\nn = f()\nwhile True: n += 1"
    reason = _run("def f(): return 2", tests, timeout_s=0.1).reason
    assert reason == "timeout: the tests did not end"


def test_reason_shows_no_control_characters() -> None:
    """What a program says cannot rewrite the terminal that shows it."""
    reason = _run("def f(): raise ValueError('\\x1b[2Jgone')", "f()").reason or ""
    assert reason == "ValueError: \\x1b[2Jgone in: f()"


def test_files_may_come_and_go() -> None:
    """Counting the files of a program does not disturb one that removes them."""
    program = """
        import os
        def f():
            for n in range(20_000):
                open("a", "w").close()
                os.remove("a")
            return 1
    """
    assert _run(program, "assert f() == 1", timeout_s=9).reason is None


def test_another_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be guaranteed nothing runs; the message says where it would."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match=r"darwin .* Linux 6\.2 or later on x86-64"):
        run_tests("def f(): return 1", "assert f() == 1")
