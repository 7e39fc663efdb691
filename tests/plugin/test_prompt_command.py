"""`llmlab prompt`, as people type it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = """
fallback = "error"

[[reply]]
pattern = "answer [0-9a-f]+ begins"
text = '{"reason": "it says so", "verdict": "yes"}'

[[reply]]
pattern = "France"
text = "It is Paris."
"""
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run the command with a scripted model, which also judges."""
    (pytester.path / "script.toml").write_text(SCRIPT, encoding="utf-8")
    llmlab = Path(sys.executable).with_name("llmlab")

    def run_it(*arguments: str, stdin: bytes = b"") -> pytest.RunResult:
        return pytester.run(llmlab, "prompt", *arguments, stdin=stdin)

    return run_it


MODEL = ("--llm", "scripted:script.toml")


def test_each_answer_is_shown_with_what_it_took(run: Run) -> None:
    """Model, time, tokens and cost; then a line per model."""
    result = run("Capital of {{ land }}?", "--var", "land=France", *MODEL, "--repeat=2")
    assert result.ret == 0
    result.stdout.re_match_lines(
        [
            r"=== scripted-script.toml 1 · 0\.00 s · first token .* · 3 tokens · \$0",
            "It is Paris.",
            r"model +answers +median s +cost",
            r"scripted-script\.toml +2, 1 different +0\.00 +\$0",
        ]
    )


@pytest.mark.parametrize(("expected", "code"), [("Paris", 0), ("Lyon", 1)])
def test_what_is_expected_decides_the_exit_code(
    run: Run, expected: str, code: int
) -> None:
    """From standard input, too."""
    result = run(*MODEL, "--expect", expected, stdin=b"Capital of France?\n")
    assert result.ret == code
    result.stdout.fnmatch_lines([f"  contains_any {1 - code}*"])


def test_scorers_and_judges_score(run: Run) -> None:
    """By name, by JSON, and a judge without a scorer by a rule of ours."""
    judge = ("--judge", "scripted:script.toml")
    scorers = ("--scorer", "exact", "--scorer", '{"name": "length", "at_most": 40}')
    result = run("France?", *MODEL, *judge, *scorers, "--target", "It is Paris.")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["  exact 1", "  length 1", "  rubric 1: it says so"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Hi {{ x }}", *MODEL), "'x' is undefined"),
        (("Hi", "--llm", "nobody"), "Unknown model 'nobody' in --llm"),
        (("Hi", *MODEL, "--judge", "nobody"), "Unknown model 'nobody' in --judge"),
        (("Hi", *MODEL, "--scorer", "exat"), "Unknown scorer 'exat' in --scorer"),
        (("Hi", *MODEL, "--scorer", "toxicity"), "--judge MODEL"),
        (("Hi", *MODEL, "--var", "x"), "It is NAME=VALUE"),
        (("Hi", *MODEL, "--save", "x.txt"), "NAME.task.toml, or test_NAME.py"),
        (("Hi", *MODEL, "--file", "x"), "There is a prompt and --file"),
    ],
)
def test_mistakes_are_told_before_anything_is_asked(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    """Exit code 2, and the message says what to write."""
    result = run(*arguments)
    assert result.ret == 2
    assert message in result.stderr.str()
    assert "===" not in result.stdout.str()


def test_a_model_that_does_not_answer_is_told(run: Run) -> None:
    """The others answer all the same."""
    result = run("Hello", *MODEL, "--llm", "scripted")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["=== scripted-script.toml", "MalformedReply: *has no reply to*"]
    )


@pytest.mark.parametrize("name", ["try.task.toml", "test_try.py"])
def test_a_try_becomes_a_file_that_pytest_runs(
    run: Run, pytester: pytest.Pytester, name: str
) -> None:
    """With the scorers, and the judge's by import; a file that is there stays."""
    judged = ("--judge", "scripted:script.toml", "--expect", "Paris")
    asked = ("{{ land }}?", "--var", "land=France", "--system", 'Say "so"', *judged)
    assert run(*asked, *MODEL, "--save", name).ret == 0
    again = run(*asked, *MODEL, "--save", name)
    assert "exists" in again.stderr.str()
    options = ("-pno:cacheprovider", *MODEL, "--llmlab-judge", "scripted:script.toml")
    result = pytester.runpytest_subprocess(*options, name)
    assert result.parseoutcomes() == {"passed": 1}


def test_answer_stays_where_its_judge_fails(
    run: Run, pytester: pytest.Pytester
) -> None:
    """It was paid; below it stands why it is not scored, and the exit code says so."""
    judge = pytester.path / "judge.toml"
    judge.write_text('fallback = "error"\n', encoding="utf-8")
    result = run("France?", *MODEL, "--judge", "scripted:judge.toml")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*It is Paris.*", "*  not scored: *"])
