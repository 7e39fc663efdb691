"""Which files a confined process may open (Landlock, Linux 6.2 and later).

Everything below the paths that are granted, nothing else: no home, no `/etc`, no
`/proc`. Landlock does not hide that a path exists (`stat`) and has no say over modes,
owners and times; the filter of system calls refuses to change those.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Mapping

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_FILE, MAKE_FILE, TRUNCATE = 1 << 5, 1 << 8, 1 << 14
READ = READ_FILE | READ_DIR
WRITE = WRITE_FILE | REMOVE_FILE | MAKE_FILE | TRUNCATE
"""Regular files only: no directories, links, pipes or sockets are made."""

_OF_A_FILE = WRITE_FILE | READ_FILE | TRUNCATE
_ALL = (1 << 15) - 1
"""Every right of version 3; before it, truncating a file could not be refused."""
_NEEDED_VERSION = 3
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every architecture
_ASK_VERSION, _PATH_BENEATH = 1, 1
_PR_SET_NO_NEW_PRIVS = 38


def restrict_files(libc: ctypes.CDLL, granted: Mapping[str, int]) -> None:
    """Leave this process the granted paths, for good; those that are missing are left.

    Raises:
        OSError: the kernel has no Landlock, an old one, or has it switched off.
    """
    version = libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < _NEEDED_VERSION:
        found = f"version {version}" if version > 0 else "none"
        raise OSError(
            errno.ENOSYS,
            f"Landlock version {_NEEDED_VERSION} (Linux 6.2) is needed, found {found}",
        )
    rules = struct.pack("Q", _ALL)
    ruleset = _checked(libc.syscall(_CREATE_RULESET, rules, len(rules), 0))
    for path, rights in granted.items():
        _grant(libc, ruleset, path, rights)
    _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _grant(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    if not os.path.exists(path):
        return
    if not os.path.isdir(path):
        rights &= _OF_A_FILE
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, descriptor)
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
    finally:
        os.close(descriptor)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
