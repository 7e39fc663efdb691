"""The judging side: runs the tests and asks the program, which it does not trust.

The tests are executed here, in a process that the program cannot reach, with the
interpreter's own builtins. What the program returns arrives as plain data (`_wire`), so
that `==` is ours: printing, exiting, or an `__eq__` that is always true prove nothing.
"""

import builtins
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from types import CodeType, TracebackType
from typing import Any, NamedTuple, NoReturn, cast

from llmlab_pytest.sandbox._candidate import MAX_TEXT, attempt, told
from llmlab_pytest.sandbox._wire import (
    Handle,
    Module,
    WireError,
    decode,
    encode,
    receive,
    send,
)

TESTS_FILE = "<tests>"
_ONLY_AST = 0x400  # ast.PyCF_ONLY_AST, without the import of ast
_GLANCE_MS = 50
_ENDING_S = 0.2
WALL_FACTOR = 3
"""By the clock a program may take so many times as long: the machine may be busy."""
_BUILTINS = frozenset(vars(builtins))


class Finding(NamedTuple):
    """What the tests found."""

    has_passed: bool
    reason: str
    """Why not; empty for a pass."""


class Gone(BaseException):
    """The program cannot be asked any more, and why."""


class CandidateError(Exception):
    """The program raised what is no built-in exception."""


class Watch(NamedTuple):
    """What ends a run besides its tests."""

    child: int
    """Process id of the program."""
    started_at: float
    """Monotonic clock, seconds."""
    timeout_s: float
    """Processor time of the program; on the clock, WALL_FACTOR times as much."""
    folder: str
    """The program's directory: its files are counted while it runs."""
    max_files: int
    max_bytes: int

    def complaint(self) -> str | None:
        """Return why the program has to end now, if it has to."""
        if _processor_s(self.child) > self.timeout_s:
            return f"timeout: no end within {self.timeout_s:g} s of processor time"
        wall_s = WALL_FACTOR * self.timeout_s
        if time.monotonic() - self.started_at > wall_s:
            return f"timeout: no end within {wall_s:g} s"
        sizes = list(_sizes(self.folder))
        if len(sizes) > self.max_files or sum(sizes) > self.max_bytes:
            return f"it wrote {len(sizes)} files, {sum(sizes)} bytes"
        return None


class Link:
    """The way to the program: asks, waits, and gives up."""

    def __init__(self, *, requests: int, replies: int, child: int) -> None:
        self.loss: str | None = None
        """Why the program was given up; a run with a loss is no pass."""
        self.fault: str | None = None
        """What the tests wanted that cannot be done; no fault of the program."""
        self.last = ""
        """What the last call returned, for people."""
        self.raised: tuple[Exception, str] | None = None
        """What the program raised last, and how that is told."""
        self._watch: Watch | None = None
        self._requests, self._replies, self._child = requests, replies, child
        self._poll = select.poll()
        self._poll.register(replies, select.POLLIN)

    def start(self, watch: Watch) -> None:
        """Begin to measure, with the program about to run."""
        self._watch = watch

    def ask(self, *request: object) -> Any:
        """Send a request and return the value of the reply.

        Raises:
            KeyError: the program has no such name.
            Exception: what the program raised, by its class.
            Gone: it cannot be asked any more.
        """
        if why := self.loss or self.fault:
            raise Gone(why)
        try:
            content = encode(request, _handle_of)
        except (TypeError, WireError) as error:
            self.fault = str(error)
            raise Gone(self.fault) from error
        try:
            send(self._requests, content)
        except WireError as error:
            self._lose(error)
        return self.reply()

    def reply(self) -> Any:
        """Wait for the next reply and return its value; raises as `ask` does."""
        try:
            reply = decode(receive(self._read), lambda handle: Remote(self, handle))
        except (WireError, OSError, MemoryError, RecursionError) as error:
            self._lose(error)
        match reply:
            case ("value", Module(name)):
                return _imported(name)
            case ("value", value):
                return value
            case ("missing", _):
                raise KeyError
            case ("raised", (str(kind), str(text))):
                self.raised = _rebuilt(kind, text)
                raise self.raised[0]
        return self._lose("the program does not answer: malformed")

    def _read(self, wanted: int) -> bytes:
        while not self._poll.poll(_GLANCE_MS):
            self._check()
        self._check()
        return os.read(self._replies, wanted)

    def _check(self) -> None:
        if self._watch and (why := self._watch.complaint()):
            self._lose(why)

    def _lose(self, why: object) -> NoReturn:
        self.loss = str(why) if isinstance(why, str) else self._how_it_ended(why)
        raise Gone(self.loss)

    def _how_it_ended(self, error: object) -> str:
        """Say how the program's process ended, or what was wrong with its reply."""
        until = time.monotonic() + _ENDING_S
        while time.monotonic() < until:
            number, status = os.waitpid(self._child, os.WNOHANG)
            if number:
                self._child = 0
                return f"the program ended before its tests did ({_ending(status)})"
            time.sleep(_ENDING_S / 20)
        return f"the program does not answer: {error}"

    def end(self) -> None:
        """Kill the program, if it still runs, and wait until it is gone."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)


class Remote:
    """An object that stays with the program: it can be called and passed back.

    It equals nothing but itself: an equality of the program's own would be its verdict.
    """

    def __init__(self, link: Link, handle: Handle) -> None:
        self._llmlab = link, handle

    def __eq__(self, other: object) -> bool:
        """Whether both stand for one object."""
        match other:
            case Remote(_llmlab=(_, handle)):
                return handle == self._llmlab[1]
        return False

    def __hash__(self) -> int:
        """Hash as `__eq__` compares."""
        return hash(self._llmlab[1])

    def __bool__(self) -> bool:
        """Whether the object is true where it lives."""
        link, handle = self._llmlab
        return link.ask("truth", handle) is True

    def __call__(self, *arguments: object, **keywords: object) -> Any:
        """Call it in the program's process, with the arguments by value."""
        link, handle = self._llmlab
        value = link.ask("call", handle, arguments, keywords)
        link.last, _ = attempt(lambda: repr(value)[:MAX_TEXT])
        return value

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the object."""
        link, handle = self._llmlab
        return link.ask("attribute", handle, name)

    def __iter__(self) -> Iterator[Any]:
        """Return the object's iterator."""
        iterator: Iterator[Any] = self._special("__iter__")
        return iterator

    def __next__(self) -> Any:
        """Return the iterator's next value."""
        return self._special("__next__")

    def __len__(self) -> int:
        """Return the object's length."""
        length: int = self._special("__len__")
        return length

    def __getitem__(self, key: object) -> Any:
        """Return an item of the object."""
        return self._special("__getitem__", key)

    def __repr__(self) -> str:
        """Name the type: the object's own words may be long, or a trap."""
        return f"<{self._llmlab[1].kind[:MAX_TEXT]}>"

    def _special(self, name: str, *arguments: object) -> Any:
        try:
            method = self.__getattr__(name)
        except AttributeError:
            raise TypeError(f"{self!r} has no {name}") from None
        return method(*arguments)


def judge(tests: str, link: Link) -> Finding:
    """Run the tests on a program that is about to start.

    Args:
        tests: Python source; it passes by raising nothing.
        link: to the program.
    """
    _, error = attempt(link.reply)
    if error is not None:
        return Finding(has_passed=False, reason=link.loss or _why(error, link))
    code = compile(tests, TESTS_FILE, "exec", dont_inherit=True)
    namespace, error = attempt(lambda: _names_for(tests, link))
    if error is None:
        _, error = attempt(lambda: _run(code, namespace))
    if link.loss is not None:  # whatever the tests made of it
        return Finding(has_passed=False, reason=link.loss)
    if error is None:
        return Finding(has_passed=True, reason="")
    line, is_ours = _failing_line(tests, error.__traceback__)
    if not (is_ours and isinstance(error, AssertionError)):
        return Finding(has_passed=False, reason=f"{_why(error, link)} in: {line}")
    returned = f" (the last call returned {link.last})" if link.last else ""
    return Finding(has_passed=False, reason=f"failed: {line}{returned}")


def _run(code: CodeType, namespace: dict[str, Any]) -> None:
    # The dataset's tests, in a process that can do nothing but compute.
    exec(code, namespace)


def _names_for(tests: str, link: Link) -> dict[str, Any]:
    """Return what the tests use of the program, by name.

    A built-in keeps its meaning, whatever the program does to it, unless the tests
    use nothing else: then a function called `sum` is what they test.
    """
    used = _used_names(compile(tests, TESTS_FILE, "exec", _ONLY_AST))
    found = dict(_present(sorted(used - _BUILTINS), link))
    return found or dict(_present(sorted(used & _BUILTINS), link))


def _present(names: list[str], link: Link) -> Iterator[tuple[str, Any]]:
    for name in names:
        try:
            yield name, link.ask("name", name)
        except KeyError:
            continue


def _used_names(node: Any) -> set[str]:
    """Return every name that a syntax tree loads, in any scope."""
    used, todo = set(), [node]
    while todo:
        node = todo.pop()
        if type(node).__name__ == "Name" and type(node.ctx).__name__ == "Load":
            used.add(node.id)
        for field in getattr(node, "_fields", ()):
            value = getattr(node, field)
            todo += value if isinstance(value, list) else [value]
    return used


def _imported(name: str) -> object:
    """Return a module of the standard library; the program has it under some name."""
    if name.partition(".")[0] not in sys.stdlib_module_names:
        raise CandidateError(f"the module {name[:MAX_TEXT]!r}")
    __import__(name)
    return sys.modules[name]


def _handle_of(value: object) -> Handle:
    match value:
        case Remote(_llmlab=(_, Handle() as handle)):
            return handle
    raise TypeError(f"an argument of the type {type(value).__name__} cannot be passed")


def _rebuilt(kind: str, text: str) -> tuple[Exception, str]:
    """Return an exception of the program as one of ours, and how to tell it.

    One of a built-in class stays of that class; any other is a `CandidateError`.
    """
    words = ": ".join(part[:MAX_TEXT] for part in (kind, text) if part)
    known = getattr(builtins, kind, None)
    if isinstance(known, type) and issubclass(known, Exception):
        error, trouble = attempt(lambda: known(text))
        if trouble is None:
            return cast("Exception", error), words
    return CandidateError(words), words


def _why(error: BaseException, link: Link) -> str:
    """Tell what the tests raised, as the program said it where it comes from there."""
    if link.raised is not None and link.raised[0] is error:
        return link.raised[1]
    return ": ".join(part for part in told(error) if part)


def _failing_line(tests: str, trace: TracebackType | None) -> tuple[str, bool]:
    """Return the line of the tests that failed, and whether itself raised."""
    number, is_ours = 0, False
    while trace is not None:
        is_ours = trace.tb_frame.f_code.co_filename == TESTS_FILE
        number = trace.tb_lineno if is_ours else number
        trace = trace.tb_next
    lines = tests.splitlines()
    line = lines[number - 1].strip() if 0 < number <= len(lines) else "?"
    return line[:MAX_TEXT], is_ours


def _sizes(folder: str) -> Iterator[int]:
    for entry in os.scandir(folder):
        try:
            yield entry.stat().st_size
        except FileNotFoundError:  # the program has just removed it
            continue


def _processor_s(process: int) -> float:
    """Return the processor time of a process, in seconds; 0 when it is gone."""
    try:
        # clock_getcpuclockid(3): the complement of the id, and CPUCLOCK_SCHED.
        return time.clock_gettime((~process << 3) | 2)
    except OSError:
        return 0.0


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit status {os.waitstatus_to_exitcode(status)}"
