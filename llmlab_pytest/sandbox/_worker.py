"""The process that a run starts: it splits in two, confines both halves and judges.

One half runs the program (`_candidate`), the other one its tests (`_tests`). Standard
input brings the program, then the tests: the second is read after the split, so the
program's half never holds it. Standard output takes the outcome; the program's half
does not have it. A run costs two forks of a bare interpreter, so only what is needed
is imported: no `json`, `re`, `pathlib`, `ast`.
"""

import ctypes
import os
import signal
import time
from typing import Any, NamedTuple, NoReturn

from llmlab_pytest.sandbox._candidate import attempt, serve
from llmlab_pytest.sandbox._confine import Bounds, confine
from llmlab_pytest.sandbox._seccomp import waiting_for
from llmlab_pytest.sandbox._tests import Finding, Link, Watch, judge
from llmlab_pytest.sandbox._wire import decode, encode, receive, send

STARTED, FOUND, FAULT, TROUBLE = "started", "found", "fault", "trouble"
"""What a message of this process is about."""
MAX_FILES, MAX_FILES_BYTES = 256, 16 << 20
_PR_SET_PDEATHSIG = 1


class Job(NamedTuple):
    """What to run, but for the tests."""

    program: str
    folder: str
    timeout_s: float
    memory_bytes: int

    @property
    def bounds(self) -> Bounds:
        """What either half may use."""
        return Bounds(
            memory_bytes=self.memory_bytes,
            cpu_s=int(self.timeout_s) + 2,
            file_bytes=1 << 20,
            open_files=64,
        )


def main() -> NoReturn:
    """Run one job from standard input, and write what was found."""
    job = Job(*_received())
    our_requests, their_replies = os.pipe(), os.pipe()
    parent = os.getpid()
    _die_with(os.getppid())
    child = os.fork()
    if child == 0:
        _die_with(parent)
        _let_go(our_requests[1], their_replies[0])
        _run_candidate(job, requests=our_requests[0], replies=their_replies[1])
    out = os.dup(1)
    tests = _received()
    _let_go(our_requests[0], their_replies[1])
    link = Link(requests=our_requests[1], replies=their_replies[0], child=child)
    finding, trouble = attempt(lambda: _judged(job, tests, link, child, out))
    link.end()
    if trouble is not None:
        _tell(out, TROUBLE, f"{type(trouble).__name__}: {trouble}")
    elif link.fault is not None:
        _tell(out, FAULT, link.fault)
    else:
        _tell(out, FOUND, tuple(finding))
    os._exit(0)  # nothing is left to clean up, and tidying costs milliseconds


def _judged(job: Job, tests: str, link: Link, child: int, out: int) -> Finding:
    confine(job.folder, may_write=False, bounds=job.bounds, rules=waiting_for(child))
    trouble = link.reply()
    if trouble is not None:
        raise OSError(0, trouble)
    _tell(out, STARTED, None)
    link.start(
        Watch(
            child=child,
            started_at=time.monotonic(),
            timeout_s=job.timeout_s,
            folder=job.folder,
            max_files=MAX_FILES,
            max_bytes=MAX_FILES_BYTES,
        )
    )
    return judge(tests, link)


def _run_candidate(job: Job, *, requests: int, replies: int) -> NoReturn:
    """Confine this half, say whether that worked, and run the program."""
    os.chdir(job.folder)
    _, trouble = attempt(lambda: confine(job.folder, may_write=True, bounds=job.bounds))
    said = None if trouble is None else f"{type(trouble).__name__}: {trouble}"
    send(replies, encode(("value", said), _nothing))
    if trouble is None:
        serve(job.program, requests=requests, replies=replies)
    os._exit(0)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _let_go(*descriptors: int) -> None:
    """Close descriptors, and put the null device in place of the standard ones."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    for descriptor in {*descriptors, null}:
        os.close(descriptor)


def _received() -> Any:
    return decode(receive(lambda wanted: os.read(0, wanted)), _nothing)


def _tell(out: int, about: str, what: object) -> None:
    send(out, encode((about, what), _nothing))


def _nothing(_: object) -> Any:
    raise TypeError("only plain data crosses here")
