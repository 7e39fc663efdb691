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
from typing import Any

from llmlab_pytest.core import SandboxError
from llmlab_pytest.sandbox._tests import WALL_FACTOR
from llmlab_pytest.sandbox._wire import WireError, decode, encode, receive
from llmlab_pytest.sandbox._worker import FOUND, STARTED, TROUBLE, Job

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
    """
    _require_platform()
    with tempfile.TemporaryDirectory(prefix="llmlab-program-") as folder:
        job = Job(program, os.path.realpath(folder), timeout_s, _MEMORY_BYTES)
        messages, complaint = _worked(_packed(tuple(job)) + _packed(tests), timeout_s)
    told = dict(_told(messages))
    if TROUBLE in told:
        raise _refused(str(told[TROUBLE]))
    if FOUND in told:
        has_passed, reason = told[FOUND]
        return Execution(has_passed=has_passed, reason=reason or None)
    if STARTED in told and complaint is None:
        return Execution(has_passed=False, reason="timeout: the tests did not end")
    raise SandboxError(
        f"The sandbox ended without a result: {complaint or 'it did not start'}.",
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
    content = encode(value, _nothing)
    return len(content).to_bytes(4, "big") + content


def _worked(job: bytes, timeout_s: float) -> tuple[bytes, str | None]:
    """Return what the worker wrote and, if it ended by itself but badly, how."""
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
            out, said = late.stdout or b"", b""
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    status = process.returncode
    if status in (0, -signal.SIGKILL, -signal.SIGXCPU):
        return out, None
    last = said.decode(errors="replace").strip().rpartition("\n")[2]
    return out, f"exit status {status}, {last or 'no message'}"


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
