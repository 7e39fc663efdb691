"""The filter of system calls: its numbers, and what it says, by a BPF interpreter."""

import re
import struct
from pathlib import Path

import pytest

from llmlab_pytest.sandbox import _seccomp
from llmlab_pytest.sandbox._seccomp import ALLOWED, RULES, Rule, filter_program

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
ALLOW, EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000
X86_64, X32 = 0xC000003E, 0x40000000


def _verdict(
    number: int, *arguments: int, arch: int = X86_64, extra: tuple[Rule, ...] = ()
) -> int:
    """Run the filter on one call, as the kernel does (seccomp(2), `seccomp_data`)."""
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", number, arch, 0, *padded)
    steps = list(struct.iter_unpack("<HBBI", filter_program(extra)))
    at, accumulator = 0, 0
    while True:
        code, then, other, operand = steps[at]
        at += 1
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        else:
            assert code == 0x15
            at += then if accumulator == operand else other


@pytest.mark.skipif(not HEADER.exists(), reason="needs the kernel's headers")
def test_numbers_are_the_kernels() -> None:
    """Each name has the number that `asm/unistd_64.h` gives it."""
    found = re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text())
    numbers = {name: int(number) for name, number in found}
    assert {name: numbers[name] for name in ALLOWED} == ALLOWED
    for name in ("IOCTL", "WAIT4", "KILL", "FCNTL", "PRLIMIT64"):
        assert getattr(_seccomp, name) == numbers[name.lower()]


def test_only_named_calls_are_allowed() -> None:
    """Of all numbers, those of the table alone pass whatever their arguments."""
    verdicts = {n: _verdict(n, *[2**64 - 1] * 6) for n in range(600)}
    assert {n for n, found in verdicts.items() if found == ALLOW} == set(
        ALLOWED.values()
    )
    assert set(verdicts.values()) == {ALLOW, EPERM}


@pytest.mark.parametrize(
    ("call", "arguments", "verdict"),
    [
        ("fcntl", (3, 1), ALLOW),
        ("fcntl", (3, 8), EPERM),  # F_SETOWN
        ("fcntl", (3, 10), EPERM),  # F_SETSIG
        ("fcntl", (3, (1 << 32) + 8), EPERM),  # the kernel reads 32 bits
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), EPERM),  # TIOCSTI types into a terminal
        ("prlimit64", (0, 7, 0, 1), ALLOW),
        ("prlimit64", (0, 7, 1, 0), EPERM),
        ("prlimit64", (0, 7, 1 << 32, 0), EPERM),
        ("kill", (77, 9), EPERM),
        ("wait4", (77, 0, 0, 0), EPERM),
    ],
)
def test_arguments_decide(call: str, arguments: tuple[int, ...], verdict: int) -> None:
    """Calls with a rule are allowed for the values that it names."""
    number = getattr(_seccomp, call.upper())
    assert _verdict(number, *arguments) == verdict


def test_parent_may_end_its_child_alone() -> None:
    """The extra rules name one process; no other, and no group, can be signalled."""
    extra = _seccomp.waiting_for(77)
    for process, verdict in ((77, ALLOW), (78, EPERM), (2**64 - 77, EPERM)):
        assert _verdict(_seccomp.KILL, process, 9, extra=extra) == verdict
        assert _verdict(_seccomp.WAIT4, process, extra=extra) == verdict


def test_other_architectures_are_killed() -> None:
    """32-bit calls have other numbers: the process ends; x32 calls are refused."""
    assert _verdict(1, arch=0x40000003) == KILL
    assert _verdict(X32 | ALLOWED["write"]) == EPERM


def test_rules_and_table_do_not_overlap() -> None:
    """A call in the table would never reach its rule."""
    assert {rule.number for rule in RULES} & set(ALLOWED.values()) == set()
