"""Confinement of the calling process: limits, no privilege, few files, few calls.

Everything here is taken off for good; a confined process cannot give itself more. It
works for an ordinary user, for root, and inside containers: no namespaces are needed,
which many machines refuse. What was put on is then tried: a process that can still
reach out is told so, and does not run anything.
"""

import ctypes
import os
import resource
import struct
import sys
from collections.abc import Callable
from typing import NamedTuple

from llmlab_pytest.sandbox._landlock import (
    READ,
    READ_DIR,
    READ_FILE,
    WRITE,
    WRITE_FILE,
    restrict_files,
)
from llmlab_pytest.sandbox._seccomp import Rule, filter_program, install_filter

_CAPSET, _CAPABILITY_VERSION = 126, 0x20080522
_AF_UNIX, _SOCK_STREAM = 1, 1
_SHARED = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
    "/dev/urandom",
    "/dev/zero",
)
"""Readable besides the standard library: shared libraries, and what they ask for."""


class Bounds(NamedTuple):
    """How much a confined process may use; Linux enforces each."""

    memory_bytes: int
    cpu_s: int
    file_bytes: int
    """Largest file."""
    open_files: int


def confine(
    folder: str, *, may_write: bool, bounds: Bounds, rules: tuple[Rule, ...] = ()
) -> None:
    """Confine this process.

    Args:
        folder: the one directory whose files it may see and, perhaps, write.
        may_write: whether it may make, change and remove files in there.
        bounds: how much it may use.
        rules: further system calls that are allowed.

    Raises:
        OSError: the machine cannot do it, or it does not hold.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    program = filter_program(rules)
    _bound(bounds)
    _drop_capabilities(libc)
    granted = dict.fromkeys((*_standard_library(), *_SHARED), READ)
    granted |= {"/dev/null": READ_FILE | WRITE_FILE}
    granted |= {folder: READ | WRITE if may_write else READ_DIR}
    restrict_files(libc, granted)
    install_filter(libc, program)
    _prove(libc, folder)


def _bound(bounds: Bounds) -> None:
    limits = {
        resource.RLIMIT_AS: bounds.memory_bytes,
        resource.RLIMIT_CPU: bounds.cpu_s,
        resource.RLIMIT_FSIZE: bounds.file_bytes,
        resource.RLIMIT_NOFILE: bounds.open_files,
        resource.RLIMIT_CORE: 0,
    }
    for name, wanted in limits.items():
        _, hard = resource.getrlimit(name)
        if hard == resource.RLIM_INFINITY:
            hard = wanted + 1
        # From the signal that says that the time is up, a second to the kill.
        last = min(wanted + (name == resource.RLIMIT_CPU), hard)
        resource.setrlimit(name, (min(wanted, last), last))


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Give up root's privileges; the files of root stay its own, see Landlock."""
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    if libc.syscall(_CAPSET, header, bytes(24)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "capabilities cannot be dropped")


def _standard_library() -> tuple[str, ...]:
    return (os.path.dirname(os.__file__), f"{sys.base_prefix}/lib")


def _prove(libc: ctypes.CDLL, folder: str) -> None:
    """Try what must fail.

    Raises:
        OSError: something did not fail.
    """
    outside = f"{os.path.dirname(folder)}/llmlab-outside-{os.getpid()}"
    attempts: dict[str, Callable[[], object]] = {
        "open a socket": lambda: _socket(libc),
        "list the root directory": lambda: os.listdir("/"),
        "write outside": lambda: os.open(outside, os.O_CREAT | os.O_WRONLY),
        "signal its parent": lambda: os.kill(os.getppid(), 0),
        "start a process": _fork,
    }
    for what, action in attempts.items():
        try:
            action()
        except PermissionError:
            continue
        raise OSError(0, f"the confined process could still {what}")


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _socket(libc: ctypes.CDLL) -> None:
    if libc.socket(_AF_UNIX, _SOCK_STREAM, 0) < 0:
        raise PermissionError
