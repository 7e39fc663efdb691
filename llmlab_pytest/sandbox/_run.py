"""Running a program and its tests in a sandbox, from our side."""

import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from llmlab_pytest.core import DataError, SandboxError, escape_control
from llmlab_pytest.sandbox._tests import WALL_FACTOR
from llmlab_pytest.sandbox._wire import WireError, decode, encode, receive
from llmlab_pytest.sandbox._worker import FAULT, FOUND, STARTED, TROUBLE, Job

_STARTING_S = 10.0
"""How long a worker may take to start, on a machine with much else to do."""
_MEMORY_BYTES = 512 << 20
_PACKAGE = Path(__file__).parents[1]
# The package's own __init__ modules import much that a worker has no use for: it gets
# empty packages of the same names, with the same folders.
_START = """
import sys, types
for name, folder in (("llmlab_pytest", {!r}), ("llmlab_pytest.sandbox", {!r})):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [folder]
from llmlab_pytest.sandbox._worker import main
main()
""".format(str(_PACKAGE), str(_PACKAGE / "sandbox"))
_COMMAND = (sys.executable, "-P", "-s", "-S", "-X", "utf8", "-c", _START)
_ENVIRONMENT = {"PYTHONHASHSEED": "0"}
"""All there is: no secrets, and sets in the same order every time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What came of a program and its tests."""

    has_passed: bool
    """Whether the tests ran to their end and raised nothing."""
    reason: str | None = None
    """Why it did not pass: the failed assertion, the exception, the timeout."""


def run_tests(program: str, tests: str, *, timeout_s: float = 3.0) -> Execution:
    """Run a program and then its tests, both confined, apart from each other.

    Args:
        program: Python source that nobody trusts.
        tests: Python source that uses the program's names and raises if it is wrong.
        timeout_s: processor time of the program, in seconds; thrice as much by the
            clock, which other work on the machine may slow down.

    Raises:
        SandboxError: this machine cannot confine, or the sandbox itself broke.
        DataError: the tests pass a value that cannot leave their process.
    """
    _require_platform()
    with tempfile.TemporaryDirectory(prefix="llmlab-program-") as folder:
        job = Job(program, os.path.realpath(folder), timeout_s, _MEMORY_BYTES)
        end = _worked(_packed(tuple(job)) + _packed(tests), timeout_s)
    told = dict(_told(end.content))
    if TROUBLE in told:
        raise _refused(str(told[TROUBLE]))
    if FAULT in told:
        raise DataError(
            f"The tests ask for what cannot be done: {told[FAULT]}.",
            allowed="A program is called with plain values and with what it returned.",
            fix="Correct the target; docs/code-execution.md says what can be passed.",
        )
    if FOUND in told:
        has_passed, reason = told[FOUND]
        return Execution(
            has_passed=has_passed, reason=escape_control(reason) if reason else None
        )
    if STARTED in told and end.is_late:
        return Execution(has_passed=False, reason="timeout: the tests did not end")
    raise SandboxError(
        f"The sandbox ended without a result: {end.status}.",
        fix="Run the sample again; if it stays so, report it with this message.",
    )


@cache
def require_sandbox() -> None:
    """Check once, by a trial run, that this machine can confine a program.

    Raises:
        SandboxError: it cannot; says what is missing.
    """
    run_tests("def one(): return 1", "assert one() == 1")


def _require_platform() -> None:
    found = f"{sys.platform} on {platform.machine()}"
    if found != "linux on x86_64":
        raise _refused(f"this is {found}")


def _refused(why: str) -> SandboxError:
    return SandboxError(
        f"Code that a model wrote cannot be confined here: {why}.",
        allowed="That takes Linux 6.2 or later on x86-64, with Landlock and seccomp.",
        fix="Run these tasks on such a machine, or leave them out.",
    )


def _packed(value: object) -> bytes:
    try:
        content = encode(value, _nothing)
    except WireError as error:
        raise DataError(
            f"A program or its tests are too long: {error}.",
            fix="Shorten the target, or the program that is made of the row.",
        ) from error
    return len(content).to_bytes(4, "big") + content


class _End(NamedTuple):
    """How a worker ended."""

    content: bytes
    """What it wrote."""
    is_late: bool
    """Whether its time was up."""
    status: str
    """Exit status and last words, for people."""


def _worked(job: bytes, timeout_s: float) -> _End:
    """Run a worker to its end, and kill all of it when that takes too long."""
    wait_s = WALL_FACTOR * timeout_s + _STARTING_S
    with subprocess.Popen(
        _COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    ) as process:
        try:
            out, said = process.communicate(job, timeout=wait_s)
        except subprocess.TimeoutExpired as late:
            return _End(late.stdout or b"", is_late=True, status="it was too slow")
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    last = said.decode(errors="replace").strip().rpartition("\n")[2]
    return _End(
        out,
        is_late=process.returncode == -signal.SIGXCPU,
        status=f"exit status {process.returncode}, {last or 'no message'}",
    )


def _told(content: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the whole messages in what a worker wrote."""
    rest = memoryview(content)

    def read(wanted: int) -> bytes:
        nonlocal rest
        piece, rest = bytes(rest[:wanted]), rest[wanted:]
        return piece

    while rest:
        try:
            yield decode(receive(read), _nothing)
        except WireError:
            return


def _nothing(_: object) -> Any:
    raise TypeError("only plain data crosses here")
