"""A configuration of promptfoo as tasks: one for each prompt."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmlab_pytest.core import ConfigError, Json, digest_of, shorten, slug
from llmlab_pytest.promptfoo._composite import FIELD, THRESHOLD
from llmlab_pytest.promptfoo._keys import check_keys
from llmlab_pytest.promptfoo._models import NamedModel, models_of
from llmlab_pytest.promptfoo._parts import Parts
from llmlab_pytest.promptfoo._prompts import Prompt, prompts_of
from llmlab_pytest.promptfoo._tests import Test, tests_of, variants
from llmlab_pytest.tasks import DataSource, Task
from llmlab_pytest.yaml_files import Placed, read_yaml

_SHARE_VARIABLE = "PROMPTFOO_PASS_RATE_THRESHOLD"
"""Promptfoo's variable: how many percent of the tests have to pass."""
_MOST_NAME = 40
_PERCENT = 100
_SUFFIXES = (".promptfoo.yaml", ".promptfoo.yml", ".yaml", ".yml")
_USUAL = "promptfooconfig"
_PASSED = "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a file of promptfoo asks for."""

    tasks: tuple[Task, ...]
    models: tuple[NamedModel, ...]
    """Those that the file names; none: those of the run."""


def load_configuration(
    path: Path, *, has_models: bool, has_judge: bool
) -> Configuration:
    """Read a configuration of promptfoo.

    Args:
        path: of the YAML file.
        has_models: whether the run names models: then the file's are not looked at.
        has_judge: whether the run names a judge, likewise.

    Raises:
        ConfigError: something in it is unknown, wrong or not taken over; names file,
            line and what does it here.
        DataError: a table cannot be read.
    """
    config = read_yaml(path)
    check_keys(config, "configuration")
    prompts = prompts_of(config, path.parent)
    tests = tests_of(config, path.parent)
    _check_references(tests, prompts)
    models = () if has_models else tuple(models_of(config))
    tasks = []
    for prompt in prompts:
        parts = Parts(has_judge=has_judge)
        rows = _rows(prompt, tests, parts)
        if rows:
            tasks.append(_task(path, config, prompt, rows, parts))
    if len(prompts) == 1:
        tasks = [task.with_changes(name=_stem(path)) for task in tasks]
    return Configuration(tasks=tuple(tasks), models=models)


def _check_references(tests: Sequence[Test], prompts: Sequence[Prompt]) -> None:
    """Raise `ConfigError` for a test that names a prompt which is not there."""
    for test in tests:
        for name in test.prompts or ():
            if not any(prompt.is_named(name) for prompt in prompts):
                listed = ", ".join(shorten(repr(prompt.title)) for prompt in prompts)
                raise ConfigError(
                    f"{test.where}: the test names the prompt {name!r}.",
                    allowed=f"There are: {listed}.",
                )


def _task(
    path: Path,
    config: Placed,
    prompt: Prompt,
    rows: Sequence[Mapping[str, Json]],
    parts: Parts,
) -> Task:
    stem = _stem(path)
    description = config.get("description")
    return Task(
        name=f"{stem}-{prompt.name}",
        drawn_as=stem,
        data=DataSource(rows=tuple(rows)),
        where=str(path),
        reference=description.text() if description else "",
        # The rows hold what is asked; this tells runs of other prompts apart.
        version=digest_of(prompt.text)[:12],
        messages="messages",
        scorers=_scorers(parts),
        gates=(_gate(),),
        epochs=_epochs(config),
    )


def _scorers(parts: Parts) -> tuple[Mapping[str, Any], ...]:
    whole: dict[str, Any] = {"name": "promptfoo", "scorers": parts.specs}
    named = [{**whole, "as": _as(name), "metric": name} for name in parts.metrics]
    score = {**whole, "as": "score", "part": "score"}
    return ({**whole, "as": _PASSED}, score, *named)


def _as(metric: str) -> str:
    """Return what a score is called: two of the same name would be one."""
    return f"{metric} (metric)" if metric in (_PASSED, "score") else metric


def _rows(
    prompt: Prompt, tests: Sequence[Test], parts: Parts
) -> list[Mapping[str, Json]]:
    """Return a row for each test and each text of its lists, numbered over all."""
    rows: list[Mapping[str, Json]] = []
    number = -1
    # A variable that only other tests have is empty, as in promptfoo.
    empty: dict[str, Json] = {name: "" for test in tests for name in test.variables}
    for test in tests:
        for own in variants(test):
            number += 1
            variables = {**empty, **own}
            names = test.prompts
            if names is None or any(map(prompt.is_named, names)):
                rows.append(_row(prompt, test, variables, parts, number))
    return rows


def _row(
    prompt: Prompt,
    test: Test,
    variables: Mapping[str, Json],
    parts: Parts,
    number: int,
) -> dict[str, Json]:
    asked = prompt.asked(
        variables,
        prefix=str(test.option("prefix") or ""),
        suffix=str(test.option("suffix") or ""),
    )
    turns: list[Json]
    turns = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    told = slug(test.description)[:_MOST_NAME].strip("-") if test.description else ""
    row: dict[str, Json] = {
        "id": f"{number:04d}-{told}" if told else f"{number:04d}",
        "input": asked if isinstance(asked, str) else _last(asked),
        "messages": turns,
        "vars": dict(variables),
        FIELD: parts.entries(test, variables),
    }
    if test.threshold is not None:
        row[THRESHOLD] = test.threshold
    if test.metadata:
        row["metadata"] = dict(test.metadata)
    return row


def _last(turns: Sequence[Json]) -> Json:
    """Return the text of the last turn, which is what a judge reads as the question."""
    turn = turns[-1]
    return turn["content"] if isinstance(turn, dict) else ""


def _gate() -> str:
    """Return what promptfoo's exit code says: every test passes, or as many as asked.

    Raises:
        ConfigError: the variable of the environment is no percentage.
    """
    given = os.environ.get(_SHARE_VARIABLE, str(_PERCENT))
    try:
        share = float(given) / _PERCENT
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ConfigError(
            f"env {_SHARE_VARIABLE} is {given!r}.",
            allowed="It takes 0 to 100, percent.",
        )
    return f"{_PASSED} >= {share:g} point"


def _epochs(config: Placed) -> int:
    options = config.get("evaluateOptions")
    if options is None:
        return 1
    check_keys(options, "evaluateOptions")
    times = options.get("repeat")
    return max(1, int(times.number())) if times else 1


def _stem(path: Path) -> str:
    """Return the name of a file's tasks; a usual name says less than the folder's."""
    name = path.name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return (path.resolve().parent.name or name) if name == _USUAL else name
