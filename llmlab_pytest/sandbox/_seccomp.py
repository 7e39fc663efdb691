"""A filter of system calls (seccomp): what a confined process may ask of the kernel.

An allow list: what is not named fails with EPERM. Named are computing, memory, clocks,
waiting, and files that are open or that Landlock lets one open. Refused, as not named:
sockets of every kind, new processes, threads and programs, signals, other processes'
memory, owners, modes and times of files, mounts, limits, and whatever a later kernel
brings. It cannot be taken off again and needs no privilege (`no_new_privs`).

The numbers are those of x86-64 (`asm/unistd_64.h`); elsewhere the sandbox refuses.
"""

import ctypes
import errno
import struct
from typing import NamedTuple

ALLOWED: dict[str, int] = {
    "read": 0,
    "write": 1,
    "open": 2,
    "close": 3,
    "stat": 4,
    "fstat": 5,
    "lstat": 6,
    "poll": 7,
    "lseek": 8,
    "mmap": 9,
    "mprotect": 10,
    "munmap": 11,
    "brk": 12,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "pread64": 17,
    "pwrite64": 18,
    "readv": 19,
    "writev": 20,
    "access": 21,
    "pipe": 22,
    "select": 23,
    "sched_yield": 24,
    "mremap": 25,
    "madvise": 28,
    "dup": 32,
    "dup2": 33,
    "nanosleep": 35,
    "getpid": 39,
    "sendfile": 40,
    "exit": 60,
    "uname": 63,
    "fsync": 74,
    "fdatasync": 75,
    "truncate": 76,
    "ftruncate": 77,
    "getcwd": 79,
    "chdir": 80,
    "rename": 82,
    "unlink": 87,
    "readlink": 89,
    "umask": 95,
    "gettimeofday": 96,
    "getrlimit": 97,
    "getrusage": 98,
    "times": 100,
    "getuid": 102,
    "getgid": 104,
    "geteuid": 107,
    "getegid": 108,
    "getppid": 110,
    "sigaltstack": 131,
    "gettid": 186,
    "time": 201,
    "futex": 202,
    "sched_getaffinity": 204,
    "getdents64": 217,
    "restart_syscall": 219,
    "fadvise64": 221,
    "clock_gettime": 228,
    "clock_getres": 229,
    "clock_nanosleep": 230,
    "exit_group": 231,
    "openat": 257,
    "newfstatat": 262,
    "unlinkat": 263,
    "renameat": 264,
    "readlinkat": 267,
    "faccessat": 269,
    "pselect6": 270,
    "ppoll": 271,
    "set_robust_list": 273,
    "dup3": 292,
    "pipe2": 293,
    "renameat2": 316,
    "getrandom": 318,
    "copy_file_range": 326,
    "statx": 332,
    "rseq": 334,
    "faccessat2": 439,
}
"""Name and number of every call that is allowed whatever its arguments."""


class Rule(NamedTuple):
    """A call that is allowed where one argument has one of some values."""

    number: int
    argument: int
    values: tuple[int, ...]
    is_pointer: bool = False
    """All 64 bits count; else the low 32, as the kernel reads an int."""


IOCTL, WAIT4, KILL, FCNTL, PRLIMIT64 = 16, 61, 62, 72, 302
RULES: tuple[Rule, ...] = (
    # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: what `open` asks.
    Rule(IOCTL, 1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
    # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC. Not F_SETOWN and
    # F_SETSIG: together they have the kernel send any signal to any process.
    Rule(FCNTL, 1, (0, 1, 2, 3, 4, 1030)),
    # Read limits, set none: the call reaches other processes too.
    Rule(PRLIMIT64, 2, (0,), is_pointer=True),
)

_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE = 0x00050000 | errno.EPERM
_X86_64 = 0xC000003E
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # in struct seccomp_data
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2


def waiting_for(child: int) -> tuple[Rule, ...]:
    """Return what a process needs to end its one child, by its process id."""
    return (Rule(WAIT4, 0, (child,)), Rule(KILL, 0, (child,)))


def filter_program(extra: tuple[Rule, ...] = ()) -> bytes:
    """Return the filter as classic BPF: an array of `struct sock_filter`."""
    code = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_IF_EQUAL, _X86_64, then=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
    ]
    # x32 calls carry a bit above these numbers and match none of them.
    for number in ALLOWED.values():
        code += [_step(_IF_EQUAL, number, other=1), _step(_RETURN, _ALLOW)]
    for rule in (*RULES, *extra):
        body = _rule_body(rule)
        code += [_step(_IF_EQUAL, rule.number, other=len(body)), *body]
    return b"".join([*code, _step(_RETURN, _REFUSE)])


def install_filter(libc: ctypes.CDLL, program: bytes) -> None:
    """Put the filter on this process, for good.

    Raises:
        OSError: the kernel has no seccomp filters, or refuses this one.
    """
    steps = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(steps))
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(header), 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, "the kernel refuses a filter of system calls")


def _rule_body(rule: Rule) -> list[bytes]:
    low = _ARGUMENTS_AT + 8 * rule.argument
    body = []
    if rule.is_pointer:
        body += [_step(_LOAD, low + 4), _step(_IF_EQUAL, 0, then=1)]
        body += [_step(_RETURN, _REFUSE)]
    body.append(_step(_LOAD, low))
    for value in rule.values:
        body += [_step(_IF_EQUAL, value, other=1), _step(_RETURN, _ALLOW)]
    return [*body, _step(_RETURN, _REFUSE)]


def _step(code: int, operand: int, *, then: int = 0, other: int = 0) -> bytes:
    """Return one `struct sock_filter`; `then` and `other` say how many to skip."""
    return struct.pack("<HBBI", code, then, other, operand)
