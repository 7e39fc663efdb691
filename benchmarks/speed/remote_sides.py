"""The sides that `remote.py` compares: what each is given, and what it has found.

Every side gets the same questions as files of its own form in a folder of its own, and
is started as its users start it. Its peers' settings are the fastest that their
documentation names and that still keep every sample's result in a file; telemetry and
looks for updates are off. Left out of all commands: live displays.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from latency_server import answer_to

MAX_TOKENS = 16
LOOK_AHEAD = 2
"""Calls that our side starts ahead, for each connection."""


class Question(NamedTuple):
    """A row of the data that every side gets."""

    name: str
    text: str
    target: str


class Setup(NamedTuple):
    """What a side is asked to do."""

    questions: Sequence[Question]
    connections: int
    url: str
    """Base URL of the server, which ends with `/v1`."""


class Command(NamedTuple):
    """How a side is started in its folder."""

    arguments: Sequence[str]
    env: Mapping[str, str]
    statuses: Sequence[int] = (0,)
    """Exit codes of a run that went well."""


class Side(Protocol):
    """One of the harnesses."""

    name: str

    def prepare(self, folder: Path, setup: Setup) -> Command:
        """Write the side's files, and return how it is started."""

    def accuracy(self, folder: Path) -> float:
        """Return the share of right answers that the side has reported, 0 to 1."""


def questions(samples: int) -> list[Question]:
    """Return sums that all differ, so that no cache can answer twice."""
    return [
        Question(f"s{first:06d}", f"What is {first} + 17?", str(first + 17))
        for first in range(samples)
    ]


def known_accuracy(asked: Sequence[Question]) -> float:
    """Return the share of the questions that the server answers right."""
    right = sum(answer_to(question.text) == question.target for question in asked)
    return right / len(asked)


@dataclass(frozen=True)
class Ours:
    """A task card under pytest: one item per sample, the store on."""

    name: str = "llmlab"

    def prepare(self, folder: Path, setup: Setup) -> Command:
        """Write a card, its rows and a registry with one model."""
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "sums.task.toml").write_text(
            'prompt = "{{ question }}"\nscorers = ["exact"]\n'
            f"max_tokens = {MAX_TOKENS}\n"
        )
        write_lines(
            folder / "sums.jsonl",
            [
                {"id": asked.name, "question": asked.text, "target": asked.target}
                for asked in setup.questions
            ],
        )
        (folder / "llmlab_models.toml").write_text(
            '[[model]]\nalias = "latency"\nprovider = "litellm"\n'
            'id = "openai/latency"\n'
            f'options = {{ base_url = "{setup.url}", '
            f"concurrency = {setup.connections} }}\n"
        )
        ahead = str(LOOK_AHEAD * setup.connections)
        arguments = [sys.executable, "-m", "pytest", "-q", "sums.task.toml"]
        arguments += ["--llm", "latency", "--llmlab-look-ahead", ahead]
        return Command([*arguments, "--llmlab-json", "found.json"], {})

    def accuracy(self, folder: Path) -> float:
        """Read the report."""
        report = json.loads((folder / "found.json").read_text("utf-8"))
        metrics = report["rows"][0]["metrics"]
        return float(
            next(metric["value"] for metric in metrics if metric["name"] == "exact")
        )


INSPECT_TASK = """\
from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import exact
from inspect_ai.solver import generate


@task
def sums():
    fields = FieldSpec(input="question", target="target", id="id")
    return Task(json_dataset("sums.jsonl", fields), solver=generate(), scorer=exact())
"""


@dataclass(frozen=True)
class Inspect:
    """inspect_ai, by the interpreter of the environment that holds it."""

    python: Path
    name: str = "inspect_ai"

    def prepare(self, folder: Path, setup: Setup) -> Command:
        """Write a task with inspect_ai's own exact scorer."""
        (folder / "sums.py").write_text(INSPECT_TASK)
        write_lines(
            folder / "sums.jsonl",
            [
                {"id": asked.name, "question": asked.text, "target": asked.target}
                for asked in setup.questions
            ],
        )
        arguments = [str(self._inspect()), "eval", "sums.py", "--log-dir", "logs"]
        arguments += ["--model", "openai-api/latency/latency", "--temperature", "0"]
        arguments += ["--max-connections", str(setup.connections)]
        arguments += ["--max-samples", str(setup.connections)]
        arguments += ["--max-tokens", str(MAX_TOKENS)]
        arguments += ["--no-log-realtime", "--no-score-display", "--display", "none"]
        env = {"LATENCY_BASE_URL": setup.url, "LATENCY_API_KEY": "none"}
        return Command(arguments, env)

    def accuracy(self, folder: Path) -> float:
        """Let inspect_ai read the head of its log."""
        log = next((folder / "logs").iterdir())
        command = [str(self._inspect()), "log", "dump", "--header-only", str(log)]
        written = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(written.stdout)
        return float(found["results"]["scores"][0]["metrics"]["mean"]["value"])

    def _inspect(self) -> Path:
        return self.python.with_name("inspect")


@dataclass(frozen=True)
class Promptfoo:
    """promptfoo, by its command."""

    command: Path
    name: str = "promptfoo"

    def prepare(self, folder: Path, setup: Setup) -> Command:
        """Write a configuration with one `equals` assertion per question."""
        provider = {
            "id": "openai:chat:latency",
            "config": {
                "apiBaseUrl": setup.url,
                "apiKey": "none",
                "max_tokens": MAX_TOKENS,
                "temperature": 0,
            },
        }
        content = {
            "prompts": ["{{question}}"],
            "providers": [provider],
            "tests": "file://sums.jsonl",
        }
        (folder / "promptfooconfig.json").write_text(json.dumps(content))
        write_lines(
            folder / "sums.jsonl",
            [
                {
                    "vars": {"question": asked.text},
                    "assert": [{"type": "equals", "value": asked.target}],
                }
                for asked in setup.questions
            ],
        )
        arguments = [str(self.command), "eval", "-c", "promptfooconfig.json"]
        arguments += ["-j", str(setup.connections), "--no-cache", "--no-write"]
        arguments += ["--no-progress-bar", "--no-table", "-o", "found.json"]
        env = {
            "PROMPTFOO_CONFIG_DIR": str(folder / "config"),
            "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
            "PROMPTFOO_DISABLE_TELEMETRY": "1",
            "PROMPTFOO_DISABLE_UPDATE": "1",
        }
        # It ends with 100 where an assertion did not hold.
        return Command(arguments, env, statuses=(0, 100))

    def accuracy(self, folder: Path) -> float:
        """Read the counts of its output."""
        found = json.loads((folder / "found.json").read_text("utf-8"))
        counts = found["results"]["stats"]
        asked = counts["successes"] + counts["failures"] + counts["errors"]
        return float(counts["successes"] / asked)


def write_lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
