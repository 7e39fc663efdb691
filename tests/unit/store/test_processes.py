"""Many processes at once, and processes that are killed."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from llmlab_pytest.store import open_store

WRITER = """
import sys
from llmlab_pytest.core import Completion, SampleResult, Usage
from llmlab_pytest.store import Exchange, open_store

url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url)
store.start_run("r", started_at="2026", factors={name: name})
for number in range(count):
    key = f"{name}-{number}"
    completion = Completion(
        text=key * 50, model="m", usage=Usage(), stop_reason="stop", latency_s=0.1
    )
    exchange = Exchange("t", "m", {"prompt": key}, completion)
    store.record_completions("r", {key: exchange})
    result = SampleResult(task="t", model="m", sample_id=key, epoch=1)
    store.record_result("r", result)
    print(key, flush=True)
store.close()
"""


def writer(url: str, name: str, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, name, str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_write_at_once_and_lose_nothing(store_url: str) -> None:
    """Four processes that create and fill one store together keep every row."""
    writers = [writer(store_url, f"w{number}", 60) for number in range(4)]
    ends = [process.communicate(timeout=120) for process in writers]
    assert [process.returncode for process in writers] == [0] * 4, ends
    store = open_store(store_url)
    expected = {f"w{n}-{i}" for n in range(4) for i in range(60)}
    assert {result.sample_id for result in store.results("r")} == expected
    assert all(store.completion("r", key) for key in expected)
    assert len(store.run_factors("r")) == 4
    store.close()


@pytest.mark.parametrize("after", [1, 37, 150])
def test_killed_writer_loses_nothing_it_reported(store_url: str, after: int) -> None:
    """What a method wrote before kill -9 is there, and the store is whole."""
    process = writer(store_url, "w", 100_000)
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    rest, _ = process.communicate()
    said += rest.split()
    store = open_store(store_url)
    assert set(said) <= {result.sample_id for result in store.results("r")}
    assert all(store.completion("r", key) for key in said)
    store.close()
    if "://" not in store_url:
        connection = sqlite3.connect(Path(store_url))
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
