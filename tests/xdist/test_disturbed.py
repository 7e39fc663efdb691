"""Runs that are killed, stopped or lose a worker, and what resuming them asks again."""

import os
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

ROWS = 40
DIES_ONCE = """
import os
import signal
from pathlib import Path

from llmlab_pytest import llm_task

ROWS = [
    {"id": f"d{n}", "input": f"worker city {n}", "target": "Paris"} for n in range(9)
]

@llm_task(data=ROWS, scorers=["contains_any"], gate="accuracy >= 0")
def test_dies(sample, completion):
    grave = Path(__file__).with_name("grave")
    if sample.id == "d4" and not grave.exists():
        grave.touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def _kept_results(project: Any) -> int:
    store = project.folder / ".llmlab" / "llmlab.db"
    if not store.exists():
        return 0
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        (count,) = connection.execute("SELECT count(*) FROM results").fetchone()
    except sqlite3.OperationalError:  # the tables are not there yet
        return 0
    finally:
        connection.close()
    return int(count)


def _asked(store: Path) -> set[str]:
    """Return the prompts whose completions the store holds."""
    connection = sqlite3.connect(store)
    rows = connection.execute(
        "SELECT json_extract(request, '$.prompt[0].content') FROM completions"
    ).fetchall()
    connection.close()
    return {text for (text,) in rows}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_killed_run_is_resumed_without_asking_again(
    bare_project: Any, workers: str
) -> None:
    """After kill -9 the table is that of a whole run; no kept answer is paid twice."""
    whole = bare_project.run("-n", workers, "--llmlab-store", "whole.db")
    (bare_project.folder / "calls.txt").unlink()
    process = bare_project.start(
        *("-n", workers, "--llmlab-look-ahead", "4"), latency_s=0.15
    )
    try:
        bare_project.wait(lambda: _kept_results(bare_project) >= 5)
        os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.5)  # workers without a controller end by themselves
    finally:
        bare_project.stop(process)
    store = bare_project.folder / ".llmlab" / "llmlab.db"
    kept, before = _asked(store), bare_project.calls()
    assert 5 <= len(kept) < ROWS

    resumed = bare_project.run("-n", workers, "--llmlab-resume")
    assert resumed.rows() == whole.rows()
    assert resumed.verdicts() == whole.verdicts()
    assert resumed.code == whole.code
    after = bare_project.calls()
    assert {text: after[text] for text in kept} == {text: before[text] for text in kept}
    assert {text for text in after if text not in kept} | kept == {
        f"city {n}" for n in range(ROWS)
    }


def test_finished_run_is_resumed_without_any_call(bare_project: Any) -> None:
    """Resuming a whole run judges it again from the store."""
    first = bare_project.run("-n", "0")
    calls = bare_project.calls()
    again = bare_project.run("-n", "2", "--llmlab-resume")
    assert bare_project.calls() == calls
    assert again.rows() == first.rows()


def test_lost_worker_leaves_its_sample_open(bare_project: Any) -> None:
    """A sample whose worker died is not counted, and no gate passes over it."""
    bare_project.write(test_dies__py=DIES_ONCE)
    run = bare_project.run("-n", "2")
    rows = {row["plan"]["task"]: row for row in run.rows()}
    assert rows["dies"]["samples"] == 8
    assert rows["cities"]["samples"] == ROWS
    assert run.verdicts()["dies: accuracy >= 0"] == "inconclusive"
    assert run.verdicts()["cities: accuracy >= 0.2"] == "passed"
    assert run.code == pytest.ExitCode.TESTS_FAILED

    resumed = bare_project.run("-n", "2", "--llmlab-resume")
    assert resumed.verdicts()["dies: accuracy >= 0"] == "passed"
    assert resumed.code == pytest.ExitCode.OK
    assert bare_project.calls()["worker city 4"] == 1


@pytest.mark.parametrize("workers", ["0", "2"])
def test_interrupt_stops_at_once_and_shows_the_table(
    bare_project: Any, workers: str
) -> None:
    """Ctrl-C cancels slow calls, keeps what is done, and the run can be resumed."""
    process = bare_project.start(
        *("-n", workers, "--llmlab-look-ahead", "2"), latency_s=1.0
    )
    try:
        bare_project.wait(lambda: _kept_results(bare_project) >= 3)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        took_s = time.monotonic() - started
    finally:
        bare_project.stop(process)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert took_s < 6
    assert f" of {ROWS}" in out
    assert "Traceback" not in out
    resumed = bare_project.run("-n", workers, "--llmlab-resume")
    assert {row["samples"] for row in resumed.rows()} == {ROWS}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_first_failure_stops_the_calls_ahead(bare_project: Any, workers: str) -> None:
    """With -x nothing more is asked, and the table says how far the run came."""
    fails = "def test_fails(llm):\n    assert llm('first').text == 'never'\n"
    bare_project.write(a_test__py=fails)
    started = time.monotonic()
    run = bare_project.run("-x", "-n", workers, latency_s=0.5)
    assert time.monotonic() - started < 20
    assert run.code in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert sum(bare_project.calls().values()) < ROWS
    assert "a_test" in {row["plan"]["task"] for row in run.rows()}
