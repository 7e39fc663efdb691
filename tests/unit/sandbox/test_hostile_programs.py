"""Programs that attack, run for real: none passes, and none leaves a trace."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmlab_pytest.sandbox import run_tests
from llmlab_pytest.sandbox._run import _packed

pytestmark = pytest.mark.usefixtures("confined")

REFUSED = "PermissionError: [Errno"
HOSTILE: dict[str, tuple[str, str]] = {
    # what it does -> the program, and how the reason of its miss begins; some end in
    # one of several ways
    "fork bomb": ("while True: os.fork()", REFUSED),
    "thread": ("threading.Thread(target=print).start()", "RuntimeError: can't start"),
    "raw clone": ("return libc.syscall(56, 17, 0, 0, 0, 0)", "failed: assert"),
    "run a program": ("subprocess.run(['id'])", REFUSED),
    "become a program": ("os.execv('/bin/sh', ['sh', '-c', 'true'])", REFUSED),
    "memory bomb": ("x = []\nwhile True: x.append(' ' * 10**7)", "MemoryError"),
    "huge allocation": ("return bytes(10**12)", "MemoryError"),
    "huge value": ("return 'x' * 10**8", "WireError: a value of 100000"),
    "value in itself": ("x = []; x.append(x); return x", "WireError: a value nested"),
    "file bomb": ("for n in range(10**6): open(str(n), 'w').close()", "it wrote "),
    "disk bomb": (
        "for n in range(999): open(str(n), 'w').write('x' * 10**6)",
        "it wro",
    ),
    "large file": ("open('large', 'w').write('x' * 10**8)", "OSError: [Errno 27]"),
    "many descriptors": (
        "x = [open('a', 'w') for _ in range(999)]",
        "OSError: [Errno 24",
    ),
    "endless output": ("while True: print('x' * 10**6)", "timeout"),
    "endless errors": ("while True: os.write(2, b'x' * 10**6)", "timeout"),
    "connect": ("socket.create_connection(('127.0.0.1', 80))", REFUSED),
    "resolve a name": ("socket.getaddrinfo('localhost', 80)", ""),
    "unix socket": ("socket.socket(socket.AF_UNIX)", REFUSED),
    "raw socket call": ("return libc.socket(2, 1, 0)", "failed: assert"),
    "kill the parent": ("os.kill(os.getppid(), 9)", REFUSED),
    "kill everybody": ("os.kill(-1, 9)", REFUSED),
    "kill by an owned pipe": (
        "r, w = os.pipe(); fcntl.fcntl(r, fcntl.F_SETOWN, os.getppid())",
        REFUSED,
    ),
    "limit the parent": (
        "return libc.prlimit(os.getppid(), 7, bytes(16), None)",
        "failed",
    ),
    "trace the parent": (
        "return libc.ptrace(16, os.getppid(), 0, 0)",
        "failed: assert",
    ),
    "raise its own limits": (
        "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "ValueE",
    ),
    "leave the session": ("os.setsid()", REFUSED),
    "read a file": ("open('/etc/passwd').read()", REFUSED),
    "read the process table": ("open('/proc/self/environ').read()", REFUSED),
    "list the root": ("os.listdir('/')", REFUSED),
    "climb out": ("open('../llmlab-climbed', 'w')", REFUSED),
    "make a link": ("os.symlink(VICTIM, 'link')", REFUSED),
    "make a hard link": ("os.link(VICTIM, 'link')", REFUSED),
    "make a device": ("os.mknod('device', 0o600 | 0o060000, 1)", REFUSED),
    "delete": ("os.remove(VICTIM)", REFUSED),
    "overwrite": ("open(VICTIM, 'w')", REFUSED),
    "truncate": ("os.truncate(VICTIM, 0)", REFUSED),
    "move away": ("os.rename(VICTIM, 'mine')", REFUSED),
    "change the mode": ("os.chmod(VICTIM, 0)", REFUSED),
    "change the owner": ("os.chown(VICTIM, 1, 1)", REFUSED),
    "change the times": ("os.utime(VICTIM, (0, 0))", REFUSED),
    "make an attribute": ("os.setxattr(VICTIM, 'user.x', b'')", REFUSED),
    "mount": ("return libc.mount(b'none', b'/', b'tmpfs', 0, None)", "failed: assert"),
    "stack overflow": ("sys.setrecursionlimit(10**9)\nreturn 1 + f()", ""),
    "crash": ("ctypes.string_at(0)", "the program ended before its tests did (SIGSEGV"),
    "abort": ("os.abort()", "the program ended before its tests did (SIG"),
    "leave early": (
        "os._exit(0)",
        "the program ended before its tests did (exit status 0",
    ),
    "leave politely": ("sys.exit(0)", "SystemExit: 0 in"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt in"),
    "close everything": ("os.closerange(0, 64)", "the program ended before its tests"),
    "always equal": ("return Always()", "failed: assert f() == 1 (the last call"),
    "always equal number": (
        "return AlwaysInt(5)",
        "failed: assert f() == 1 (the last call",
    ),
    "raise what cannot be told": ("raise Untold()", "Untold in: assert f() == 1"),
    "mute the asserts": (
        "import builtins; builtins.AssertionError = Quiet\nreturn 0",
        "failed: assert f() == 1 (the last call returned 0)",
    ),
    "say that it passed": (
        "print('passed'); sys.stdout.flush(); os._exit(0)",
        "the prog",
    ),
    "write a verdict": (
        "for n in range(64): write(n, VERDICT)\nreturn 0",
        "the program",
    ),
    "write noise": (
        "for n in range(64): write(n, b'\\xff' * 99)\nreturn 0",
        "the program",
    ),
    "rewrite its surroundings": ("rewrite()\nreturn 0", "the program"),
}
PRELUDE = """
import ctypes, fcntl, os, resource, socket, subprocess, sys, threading
libc = ctypes.CDLL(None)
VICTIM = {victim!r}
VERDICT = {verdict!r}
class Always:
    def __eq__(self, other): return True
class AlwaysInt(int):
    def __eq__(self, other): return True
class Quiet(Exception): pass
class Untold(Exception):
    def __str__(self): raise ValueError
def write(descriptor, content):
    try: os.write(descriptor, content)
    except OSError: pass
def rewrite():
    for module in list(sys.modules.values()):
        if "sandbox" in getattr(module, "__name__", ""):
            for name in list(vars(module)):
                setattr(module, name, lambda *a, **k: ("value", True))
"""
FOUND = _packed(("found", (True, "")))


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file outside; afterwards it is what it was."""
    path = tmp_path / "victim.txt"
    path.write_text("keep me", encoding="utf-8")
    os.utime(path, (1e9, 1e9))
    path.chmod(0o640)
    yield path
    found = path.stat()
    assert path.read_text(encoding="utf-8") == "keep me"
    assert (found.st_mode & 0o777, found.st_mtime, found.st_nlink) == (0o640, 1e9, 1)


@pytest.fixture
def traces(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """No directory of a run, and no process of one, is left behind."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = _children(os.getpid())
    yield
    assert list(folder.iterdir()) == []
    assert set(_children(os.getpid())) <= set(before)
    assert _working_below(folder) == []


def _working_below(folder: Path) -> list[str]:
    """Return the processes, whoever is their parent now, that run in a directory."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            place = str(link.readlink())
        except OSError:
            continue
        if place.startswith(str(folder)):
            found.append(link.parent.name)
    return found


@pytest.mark.usefixtures("traces")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_program_fails_and_harms_nothing(name: str, victim: Path) -> None:
    """It is a miss with a reason; files, limits and processes outside are untouched."""
    body, reason = HOSTILE[name]
    prelude = PRELUDE.format(victim=str(victim), verdict=FOUND)
    program = f"{prelude}\ndef f():\n{textwrap.indent(body, '    ')}"
    limits = subprocess.run(
        ["bash", "-c", "ulimit -a"], capture_output=True, check=True
    ).stdout
    # Only what never ends is to meet the limit on time: filling memory or a disk up to
    # their limits can take seconds on a machine where the system is slow at it.
    timeout_s = 1 if reason == "timeout" else 20
    execution = run_tests(program, "assert f() == 1", timeout_s=timeout_s)
    assert not execution.has_passed
    assert (execution.reason or "").startswith(reason)
    again = subprocess.run(
        ["bash", "-c", "ulimit -a"], capture_output=True, check=True
    ).stdout
    assert again == limits


def test_tests_cannot_be_muted_by_what_the_program_returns() -> None:
    """A bare except in the tests does not turn a program that is gone into a pass."""
    tests = "try:\n    f()\nexcept:\n    pass"
    execution = run_tests("import os\ndef f(): os._exit(0)", tests)
    assert not execution.has_passed


def test_environment_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the variables of this process nor its arguments are there to be read."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789abcdef")
    program = "import os, sys\ndef f(): return dict(os.environ), sys.orig_argv"
    tests = """
environment, arguments = f()
assert set(environment) <= {"PYTHONHASHSEED", "LC_CTYPE"}, environment
assert "secret" not in repr(arguments)
"""
    assert run_tests(program, tests).reason is None


def test_program_never_sees_its_tests() -> None:
    """The tests are not in the program's memory, frames or descriptors."""
    program = """
import gc, os, sys
def f():
    frame, found = sys._getframe(), []
    while frame:
        found += [str(v) for v in frame.f_locals.values() if v is not found]
        frame = frame.f_back
    found += [o for o in gc.get_objects() if isinstance(o, str)]
    found += [str(v) for m in sys.modules.values() for v in vars(m).values()]
    return any("f()" + " is False  # marked" in text for text in found)
"""
    assert run_tests(program, "assert f() is False  # marked").reason is None


@pytest.mark.parametrize("body", ["import time; time.sleep(60)", "while True: pass"])
def test_program_ends_when_we_are_killed(body: str, tmp_path: Path) -> None:
    """A run that is killed with SIGKILL leaves no program behind."""
    code = f"from llmlab_pytest.sandbox import run_tests; run_tests({body!r}, '')"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as process:
        until = time.monotonic() + 20
        while not _children(process.pid) and time.monotonic() < until:
            time.sleep(0.02)
        worker = _children(process.pid)
        while not _children(*worker) and time.monotonic() < until:
            time.sleep(0.02)
        program = _children(*worker)
        assert worker
        assert program
        process.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5
    while any(map(_is_alive, worker + program)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(_is_alive, worker + program))


def _children(*parents: int) -> list[int]:
    found: list[int] = []
    for parent in parents:
        path = Path(f"/proc/{parent}/task/{parent}/children")
        found += map(int, path.read_text().split()) if path.exists() else []
    return found


def _is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
