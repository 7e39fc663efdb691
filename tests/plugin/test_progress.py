"""A run says what it is busy with and how far it is; its first answers come early."""

import os
import pty
import subprocess
import sys

import pytest

SUITE = """
import gc

from llmlab_pytest import llm_task

@llm_task(data=[{"id": f"s{n}", "input": "1", "target": "1"} for n in range(4)],
          scorers=["exact"])
def test_echo(completion):
    assert completion.text

def test_garbage_is_searched_again():
    assert gc.isenabled()
"""
CONFTEST = """
import gc

def pytest_collection_modifyitems():
    assert not gc.isenabled()
"""
MODEL = """
[[model]]
alias = "broken"
provider = "llamacpp"
id = "broken.gguf"
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_model_that_is_awaited_is_named_once(
    pytester: pytest.Pytester, workers: str
) -> None:
    """Alias, file and MB are told before the model is there, by one process only."""
    pytester.makepyfile(test_it=SUITE)
    pytester.makeconftest(CONFTEST)
    (pytester.path / "llmlab_models.toml").write_text(MODEL, encoding="utf-8")
    (pytester.path / "broken.gguf").write_bytes(b"?" * 3_400_000)
    result = pytester.runpytest_subprocess(
        "-pno:cacheprovider", "--llm=broken", "-n", workers
    )
    result.assert_outcomes(passed=1, errors=4)
    shown = result.outlines + result.errlines
    named = [line for line in shown if line.startswith("llmlab: ")]
    assert named == ["llmlab: loading broken (broken.gguf, 3 MB) …"]


SLOW = """
import time

from llmlab_pytest import llm_task

@llm_task(data=[{"id": f"s{n}", "input": f"{n}", "target": "1"} for n in range(10)],
          scorers=["exact"])
def test_echo(completion):
    time.sleep(0.2)
"""
PLAIN = ("-pno:cacheprovider", "--llm=scripted", "--color=yes")


def on_a_terminal(pytester: pytest.Pytester, *arguments: str) -> str:
    """Run pytest on a pseudo-terminal; return what it received."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "pytest", *PLAIN, *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, cwd=pytester.path
    )
    os.close(slave)
    received = b""
    try:
        while data := os.read(master, 4096):
            received += data
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(master)
    process.wait(timeout=60)
    return received.decode()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_terminal_shows_how_far_the_run_is(
    pytester: pytest.Pytester, workers: str
) -> None:
    """Below the dots, of all samples of all workers; the summary overwrites it."""
    pytester.makepyfile(test_it=SLOW)
    shown = on_a_terminal(pytester, "-n", workers)
    drawn = [part.split("\x1b")[0] for part in shown.split("\x1b[2Kllmlab: ")[1:]]
    assert drawn[0] in ("scripted 1 samples", "scripted 2 samples")
    assert drawn[-1] == "scripted 10/10 samples"
    assert shown.count("\x1b[J") >= 10
    assert "\x1b[J" in shown[shown.rindex("10/10 samples") :]
    assert "llmlab: " not in shown.replace("\x1b[2Kllmlab: ", "")


@pytest.mark.parametrize("flags", [("-q",), ("-v",), ("-s",)])
def test_other_terminals_are_left_alone(
    pytester: pytest.Pytester, flags: tuple[str, ...]
) -> None:
    """Nothing is rewritten where lines are many, few, or a test's own."""
    pytester.makepyfile(test_it=SLOW)
    shown = on_a_terminal(pytester, "-n", "0", *flags)
    assert "9 miss" in shown
    assert "\x1b[J" not in shown
    assert "samples" not in shown


def test_a_log_of_a_short_run_has_no_progress(pytester: pytest.Pytester) -> None:
    """Where nobody watches, a line comes every 30 s and not before."""
    pytester.makepyfile(test_it=SLOW)
    result = pytester.runpytest_subprocess(*PLAIN, "-n", "2")
    result.assert_outcomes(passed=1)
    assert "samples" not in result.stdout.str()
    assert "\x1b[J" not in result.stdout.str()
