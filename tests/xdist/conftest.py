"""A project whose model counts its calls, run as users run theirs: in a subprocess."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CONFTEST = '''
"""A provider whose model writes down every call that it really answers."""

import os
from pathlib import Path

from llmlab_pytest import ProviderError
from llmlab_pytest.testing import ScriptedModel

CALLS = Path(__file__).with_name("calls.txt")


class CountingModel(ScriptedModel):
    async def run(self, requests):
        done = await super().run(requests)
        for request in requests:
            with CALLS.open("a") as file:
                file.write(f"{request.prompt[-1].content}\\n")
        return done


def provider(spec):
    return CountingModel(
        rules={r"city (\\d*[02468])$": "Paris", "unreachable": ProviderError("gone")},
        fallback=lambda request: "I do not know",
        latency_s=float(os.environ.get("LATENCY_S", "0")),
        spec=spec,
    )


def pytest_llmlab_register_providers(register):
    register("counting", provider)
'''
MODELS = """
[[model]]
alias = "counter"
provider = "counting"
id = "counter"
capabilities = ["chat"]
"""
BEHAVIOUR = """
import pytest

def test_knows(llm):
    assert llm("city 2").text == "Paris"

def test_asks_twice(llm):
    assert llm("city 1").text == llm("city 1").text

@pytest.mark.asyncio
async def test_asks_without_waiting(llm):
    assert (await llm.agenerate("city 4")).text == "Paris"
"""
SAMPLES = """
from llmlab_pytest import llm_task

ROWS = [
    {"id": f"q{n}", "input": f"asked city {n}", "target": "Paris"} for n in range(8)
]

@llm_task(data=ROWS, scorers=["contains_any"], epochs=2, gate="accuracy >= 0.9")
def test_cities(sample, completion):
    assert completion.text
"""
CARD = 'prompt = "{{ q }}"\nscorers = ["contains_any"]\ngate = "%s"\n'
LATENCIES = ("latency_p50_s", "latency_p95_s", "tokens_per_s", "compute_s")


@dataclass
class Run:
    """What a run of pytest left behind."""

    code: int
    out: str
    report: dict[str, Any] | None

    def rows(self) -> list[dict[str, Any]]:
        """Return the table without what a clock decides."""
        assert self.report is not None, self.out
        rows: list[dict[str, Any]] = self.report["rows"]
        return [
            {name: value for name, value in row.items() if name not in LATENCIES}
            for row in rows
        ]

    def verdicts(self) -> dict[str, str]:
        """Return the states of the gates."""
        assert self.report is not None, self.out
        return {
            f"{verdict['task']}: {verdict['gate']}": verdict["state"]
            for verdict in self.report["verdicts"]
        }


class Project:
    """A folder with evals, and the command that runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, **files: str) -> "Project":
        """Write files; `__` in a name stands for a dot."""
        for name, text in files.items():
            (self.folder / name.replace("__", ".")).write_text(text)
        return self

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a run."""
        return [
            *(sys.executable, "-m", "pytest", "--llm", "counter"),
            *("--llmlab-json", "report.json", "-p", "no:cacheprovider"),
            *arguments,
        ]

    def run(self, *arguments: str, latency_s: float = 0.0) -> Run:
        """Run to the end."""
        report = self.folder / "report.json"
        report.unlink(missing_ok=True)
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(latency_s),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        content = json.loads(report.read_text()) if report.exists() else None
        return Run(done.returncode, done.stdout, content)

    def start(self, *arguments: str, latency_s: float) -> "subprocess.Popen[str]":
        """Start a run to be disturbed; it leads a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(latency_s),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def environment(self, latency_s: float) -> dict[str, str]:
        """Return the environment of a run."""
        return {**os.environ, "LATENCY_S": str(latency_s), "COLUMNS": "200"}

    def calls(self) -> Counter[str]:
        """Count the calls that the model really answered."""
        file = self.folder / "calls.txt"
        return Counter(file.read_text().splitlines() if file.exists() else ())

    @staticmethod
    def wait(ready: Callable[[], bool], *, limit_s: float = 40) -> None:
        """Wait until a run has come so far."""
        end = time.monotonic() + limit_s
        while not ready():
            assert time.monotonic() < end, "the run did not come that far"
            time.sleep(0.02)

    @staticmethod
    def stop(process: "subprocess.Popen[str]") -> None:
        """Kill what is left of a run; a test that failed may leave it behind."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    @staticmethod
    def card_rows(count: int, text: str = "city") -> str:
        """Return rows of which every second one is answered rightly."""
        rows = [
            {"id": f"c{n}", "q": f"{text} {n}", "target": "Paris"} for n in range(count)
        ]
        return "".join(json.dumps(row) + "\n" for row in rows)


INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"


@pytest.fixture
def bare_project(tmp_path: Path) -> Project:
    """A project with the counting model and one card, and room for more."""
    project = Project(tmp_path)
    return project.write(
        conftest__py=CONFTEST,
        llmlab_models__toml=MODELS,
        pytest__ini=INI,
        cities__task__toml=CARD % "accuracy >= 0.2",
        cities__jsonl=project.card_rows(40),
    )


@pytest.fixture(scope="session")
def full_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with every form, gates of every state, and an unreachable model."""
    project = Project(tmp_path_factory.mktemp("full"))
    return project.write(
        conftest__py=CONFTEST,
        llmlab_models__toml=MODELS,
        pytest__ini=INI,
        test_behaviour__py=BEHAVIOUR,
        test_samples__py=SAMPLES,
        holds__task__toml=CARD % "accuracy >= 0.2",
        holds__jsonl=project.card_rows(12),
        straddles__task__toml=CARD % "accuracy >= 0.5",
        straddles__jsonl=project.card_rows(12),
        gone__task__toml=CARD % "accuracy >= 0.2",
        gone__jsonl=project.card_rows(3)
        + project.card_rows(1, "unreachable").replace("c0", "u0"),
    )
