"""How long the result page of a large run takes to be written and to be opened.

    python benchmarks/speed/report.py [--samples N] [--browser COMMAND] [--keep DIR]

A store is filled with N samples (20,000) of two tasks, with prompts of 600 characters
and answers of 300, some of them wrong, some errors. `pytest --llmlab-report
--llmlab-html` then writes the page: a process of its own, its start included. A
headless browser that runs already opens it, until the page has loaded and its script
has listed samples.

The bars are 10 s to write and 3 s to open. CPU seconds are those of the process and
its children: they stay when other processes slow the clock, and count what they do side
by side twice. The exit code is 1 if a
bar is missed, by the lower of the two.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import psutil
from sqlalchemy import Table

from llmlab_pytest.core import (
    Completion,
    Sample,
    SampleResult,
    Score,
    TaskPlan,
    Usage,
)
from llmlab_pytest.store import Exchange, _schema
from llmlab_pytest.store import _records_json as columns
from llmlab_pytest.store._sql_store import SqlStore, _exchange_columns

WRITE_BAR_S, OPEN_BAR_S = 10.0, 3.0
TASKS = ("support", "sums")
_PART = 1000
_LONGEST_S = 120
_COMPLETE = "document.readyState == 'complete' && location.protocol == 'file:'"
_SHOWN = r"(document.body.innerText.match(/\bs\d{5}\b/g) || []).length"


class Took(NamedTuple):
    """What a process took."""

    wall_s: float
    cpu_s: float
    output: str

    @property
    def least_s(self) -> float:
        """The lower of both: what it takes while no other process slows it."""
        return min(self.wall_s, self.cpu_s)


class Opened(NamedTuple):
    """What a browser took to show a page."""

    wall_s: float
    cpu_s: float
    """Of all its processes together."""
    rows: int
    """Samples that the page then lists."""

    @property
    def least_s(self) -> float:
        """The lower of both."""
        return min(self.wall_s, self.cpu_s)


def fill(path: Path, samples: int) -> None:
    """Keep a finished run of so many samples, written in large transactions."""
    draw = random.Random(1234)
    words = [f"word{n}" for n in range(2000)]
    store = SqlStore(str(path))
    store.start_run("big", started_at="2026-11-30T10:00:00+00:00", factors={})
    for task in TASKS:
        count = samples // len(TASKS)
        plan = TaskPlan(task=task, model="m", planned=count, available=count)
        store.plan_task("big", plan)
        for start in range(0, count, _PART):
            numbers = range(start, min(count, start + _PART))
            _keep(store, [_rows(task, n, draw, words) for n in numbers])
    store.finish_run("big", finished_at="2026-11-30T11:00:00+00:00")
    store.close()


def _rows(
    task: str, number: int, draw: random.Random, words: list[str]
) -> dict[str, dict[str, object]]:
    """Return a row for each table."""
    name = f"s{number:05d}"
    prompt, text = (" ".join(draw.choices(words, k=k)) for k in (85, 42))
    is_error = number % 97 == 0
    usage = Usage(input_tokens=150, output_tokens=70)
    completion = Completion(text=text, model="m", usage=usage, cost_usd=0.001)
    request = {
        "kind": "generate",
        "prompt": [{"role": "user", "content": prompt}],
        "config": {"max_tokens": 200},
    }
    scores = (Score(scorer="exact", value=float(number % 4 > 0), answer=text[:40]),)
    result = SampleResult(
        task=task,
        model="m",
        sample_id=name,
        scores=() if is_error else scores,
        error="ProviderTimeout: no answer in 60 s" if is_error else None,
        usage=usage,
        cost_usd=0.001,
        latency_s=draw.random(),
    )
    sample = Sample(id=name, input=prompt, target=words[number % 2000])
    kept = columns.sample_columns(sample, task=task)
    key, run = f"{task} {name}", {"run_id": "big"}
    exchange = Exchange(task, "m", request, completion)
    address = {"task": task, "model": "m", "sample_id": name, "epoch": 1}
    found = {
        "samples": kept,
        "completions": run | {"call_key": key} | _exchange_columns(exchange),
        "results": run
        | {"sample_hash": kept["sample_hash"], "call_key": key}
        | columns.result_columns(result),
    }
    if not is_error:
        found["scores"] = (
            run | address | {"position": 0} | columns.score_columns(scores[0])
        )
    return found


def _keep(store: SqlStore, rows: list[dict[str, dict[str, object]]]) -> None:
    for name in ("samples", "completions", "results", "scores"):
        table: Table = getattr(_schema, name)
        store._write(table, [row[name] for row in rows if name in row], replace=True)  # noqa: SLF001 -- one transaction a thousand


def took(command: list[str], folder: Path) -> Took:
    """Run a command to its end.

    Raises:
        SystemExit: it fails.
    """
    with tempfile.TemporaryFile("w+") as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, stdout=out, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        output = out.read()
    if process.returncode:
        message = f"{command[0]} ended with {process.returncode}: {output[-500:]}"
        raise SystemExit(message)
    return Took(wall_s, usage.ru_utime + usage.ru_stime, output)


def opened(browser: str, page: Path, folder: Path) -> Opened:
    """Open a page in a browser that runs already, until it lists samples.

    Raises:
        SystemExit: it lists none, or the browser does not start.
    """
    profile = folder / "profile"
    options = ["--headless", "--no-sandbox", "--disable-gpu"]
    process = subprocess.Popen(
        [browser, *options, "--remote-debugging-port=0", f"--user-data-dir={profile}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = _port(profile / "DevToolsActivePort")
        seen = asyncio.run(_seen(f"http://127.0.0.1:{port}", page, process.pid))
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)
    if not seen.rows:
        message = "the opened page shows no sample"
        raise SystemExit(message)
    return seen


def _port(file: Path) -> int:
    for _ in range(300):
        if file.exists() and (text := file.read_text(encoding="utf-8")):
            return int(text.splitlines()[0])
        time.sleep(0.1)
    message = "the browser does not start"
    raise SystemExit(message)


async def _seen(browser: str, page: Path, pid: int) -> Opened:
    """Have the first tab of a browser open a page, by its DevTools protocol."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{browser}/json/list") as reply:
            tabs = [each for each in await reply.json() if each["type"] == "page"]
        address = tabs[0]["webSocketDebuggerUrl"]
        async with session.ws_connect(address, max_msg_size=0) as tab:
            before_s, start = _cpu_s(pid), time.perf_counter()
            await _asked(tab, "Page.navigate", url=page.as_uri())
            is_complete = False
            while not is_complete and time.perf_counter() - start < _LONGEST_S:
                is_complete = await _value(tab, _COMPLETE)
            rows = await _value(tab, _SHOWN)
            wall_s = time.perf_counter() - start
            return Opened(wall_s, _cpu_s(pid) - before_s, rows)


async def _value(tab: Any, expression: str) -> Any:
    """Return what a JavaScript expression gives in the page."""
    found = await _asked(tab, "Runtime.evaluate", expression=expression)
    return found["result"].get("value")


async def _asked(tab: Any, method: str, **parameters: str) -> Any:
    """Send a command of the DevTools protocol and return its result."""
    await tab.send_json({"id": 1, "method": method, "params": parameters})
    while True:
        answer = json.loads((await tab.receive()).data)
        if answer.get("id") == 1:
            return answer["result"]


def _cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and all that it started."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in processes)


def measure(folder: Path, samples: int, browser: str | None) -> bool:
    """Print what writing and opening take; return whether both bars are met."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    store, page = folder / "big.db", folder / "big.html"
    fill(store, samples)
    options = ["--llmlab-report", f"--llmlab-store={store}", f"--llmlab-html={page}"]
    written = took([sys.executable, "-m", "pytest", *options], folder)
    size_mb = page.stat().st_size / 1e6
    print(f"{samples:,} samples, {size_mb:.1f} MB")
    print(f"written: {written.wall_s:.2f} s, CPU {written.cpu_s:.2f} s (bar 10 s)")
    if not browser:
        print("opened: no browser found; name one with --browser")
        return written.least_s <= WRITE_BAR_S
    seen = opened(browser, page, folder)
    print(f"opened: {seen.wall_s:.2f} s, CPU {seen.cpu_s:.2f} s (bar 3 s)")
    print(f"  {seen.rows} samples on the first screen")
    return written.least_s <= WRITE_BAR_S and seen.least_s <= OPEN_BAR_S


def main() -> int:
    """Measure by the command line's arguments."""
    parser = argparse.ArgumentParser(description="The page of a large run.")
    parser.add_argument("--samples", type=int, default=20_000)
    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    parser.add_argument("--browser", default=found)
    parser.add_argument("--keep", type=Path, help="write store and page here")
    given = parser.parse_args()
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
        return 0 if measure(given.keep, given.samples, given.browser) else 1
    with tempfile.TemporaryDirectory() as folder:
        return 0 if measure(Path(folder), given.samples, given.browser) else 1


if __name__ == "__main__":
    sys.exit(main())
