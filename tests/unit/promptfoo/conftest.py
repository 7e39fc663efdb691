"""What promptfoo makes of two configurations, recorded, and what is made of them here.

`tests/golden/compare_promptfoo.py` runs promptfoo and records it anew.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import Completion, Registry, Sample
from llmlab_pytest.promptfoo import PROMPTFOO_SCORERS, load_configuration
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.tasks import Task
from llmlab_pytest.yaml_files import parse_yaml

FOLDER = Path(__file__).parent
CONFIGURATION = FOLDER / "assertions.yaml"
VERDICTS = FOLDER / "verdicts.json"
PROJECT = FOLDER / "project" / "promptfooconfig.yaml"
ASKED = FOLDER / "asked.json"
ANOTHER_MEASURE = {"is-html", "contains-html", "is-sql", "contains-sql", "is-refusal"}
"""Assertions that ours judges by other rules; the table of docs says so."""


def registry() -> Registry[Any]:
    """Return all scorers that need no model."""
    known = scorer_registry()
    for name, factory in PROMPTFOO_SCORERS.items():
        known.register(name, factory, source="test")
    return known


def tasks(path: Path = CONFIGURATION) -> tuple[Task, ...]:
    """Return the tasks of a configuration."""
    return load_configuration(path, has_models=True, has_judge=False).tasks


def our_verdicts(path: Path = CONFIGURATION) -> list[dict[str, Any]]:
    """Return our verdict on each test, with what it asserts."""
    (task,) = tasks(path)
    scorers = dict(
        make_scorer(spec, registry(), where="test") for spec in task.scorers[:2]
    )
    verdicts = []
    for row in task.data.rows or ():
        sample = Sample(id=str(row["id"]), input="", metadata=dict(row))
        completion = Completion(text=str(row["input"]), model="echo")
        scores = {
            name: apply_scorer(name, scorer, completion=completion, sample=sample)
            for name, scorer in scorers.items()
        }
        verdicts.append(
            {
                "passed": scores["passed"].value == 1.0,
                "score": round(scores["score"].value or 0.0, 6),
                "kinds": _kinds(row["assertions"]),
                "answer": row["input"],
                "asserted": row["assertions"],
                "told": scores["passed"].explanation,
            }
        )
    return verdicts


def differences(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[str]:
    """Return a line for each test whose verdict or score differs."""
    pairs = zip(ours, theirs, strict=True)
    return [
        f"{own['kinds']} {own['answer']!r}: promptfoo {other}, here {own['passed']} "
        f"{own['score']} ({own['told']}) {own['asserted']}"
        for own, other in pairs
        if not ANOTHER_MEASURE & set(own["kinds"])
        and (own["passed"], own["score"]) != (other["passed"], other["score"])
    ]


def _kinds(entries: Any) -> list[str]:
    found: list[str] = []
    for entry in entries:
        found += _kinds(entry["set"]) if "set" in entry else []
        found.append(str(entry["kind"]).removeprefix("not-"))
    return found


def our_prompts() -> dict[str, list[Any]]:
    """Return what each prompt of the project asks, by its name; sorted."""
    asked: dict[str, list[Any]] = {}
    for task in tasks(PROJECT):
        turns: list[Any] = [row["messages"] for row in task.data.rows or ()]
        asked[task.name] = by_text(
            [turn[0]["content"] if len(turn) == 1 else turn for turn in turns]
        )
    return asked


def as_asked(raw: str) -> Any:
    """Return a prompt as promptfoo's providers of chat models read it."""
    if raw.startswith("- role:"):
        return parse_yaml(raw, "promptfoo").value
    try:
        return json.loads(raw) if raw.startswith("[") else raw
    except ValueError:
        return raw


def by_text(prompts: list[Any]) -> list[Any]:
    """Sort prompts of all kinds: promptfoo has files in another order."""
    return sorted(prompts, key=str)


@pytest.fixture(scope="session")
def recorded() -> Any:
    """This module: what is recorded, and what compares with it."""
    return sys.modules[__name__]


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], tuple[Task, ...]]:
    """Read a configuration from its text; files beside it are in `tmp_path`."""

    def read(text: str) -> tuple[Task, ...]:
        path = tmp_path / "promptfooconfig.yaml"
        path.write_text(text, encoding="utf-8")
        return tasks(path)

    return read
