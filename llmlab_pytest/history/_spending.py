"""Runs, samples, calls, tokens and cost of a store, by day, model, task or prompt.

A run belongs to the day on which it began, in UTC as budgets. What nobody knows the
price of is counted, never taken for nothing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import PurePosixPath

from llmlab_pytest.core import TaskPlan, shorten
from llmlab_pytest.store import Samples, Spent, Store

_DIGITS = 8
_NOT_A_TASK = "(judges, or no task)"


@dataclass(slots=True)
class Line:
    """What belongs together, added up."""

    name: str
    runs: set[str] = field(default_factory=set)
    samples: int = 0
    """Results, of every epoch."""
    calls: int = 0
    kept: int = 0
    """Of the calls: answered by the cache or a cassette, for nothing."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    """Of the calls whose cost is known."""
    unpriced: int = 0
    """Calls whose cost nobody knows."""

    def add(self, spent: Spent) -> None:
        """Add what an owner asked of a model in a run."""
        self.runs.add(spent.run_id)
        self.calls += spent.calls
        self.kept += spent.kept
        self.input_tokens += spent.input_tokens
        self.output_tokens += spent.output_tokens
        self.cost_usd += spent.cost_usd
        self.unpriced += spent.unpriced


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which runs, tasks and models count; empty: all."""

    since: str = ""
    """The first day, `YYYY-MM-DD`."""
    tasks: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def has(self, started_at: str, task: str, model: str) -> bool:
        """Whether these count."""
        return (
            started_at >= self.since
            and (not self.tasks or task in self.tasks)
            and (not self.models or model in self.models)
        )


class _Kept:
    """The plans of a store, read for the runs that are asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plans: dict[str, dict[tuple[str, str], TaskPlan]] = {}

    @cached_property
    def started(self) -> Mapping[str, str]:
        """When each run began."""
        return {run.id: run.started_at for run in self._store.runs(limit=None)}

    def plan(self, run_id: str, task: str, model: str) -> TaskPlan | None:
        """Return the plan of a task on a model; a judge has none."""
        if run_id not in self._plans:
            plans = self._store.plans(run_id)
            self._plans[run_id] = {(plan.task, plan.model): plan for plan in plans}
        return self._plans[run_id].get((task, model))


_Key = Callable[[str, str, str, str, _Kept], str]
"""Of run, its start, task, model, and plans: the name of the line."""


def _month(_: str, at: str, *__: object) -> str:
    return at[:7]


def _day(_: str, at: str, *__: object) -> str:
    return at[:10]


def _week(_: str, at: str, *__: object) -> str:
    year, number, _day_of_week = date.fromisoformat(at[:10]).isocalendar()
    return f"{year}-W{number:02d}"


def _run(run_id: str, *_: object) -> str:
    return run_id


def _task(_: str, __: str, task: str, *___: object) -> str:
    return task


def _model(_: str, __: str, ___: str, model: str, ____: _Kept) -> str:
    return model


def _file(run_id: str, _: str, task: str, model: str, kept: _Kept) -> str:
    """Return the file of the test or card: what others call a suite."""
    plan = kept.plan(run_id, task, model)
    return _NOT_A_TASK if plan is None else plan.factors["base"].partition("::")[0]


def _prompt(run_id: str, _: str, task: str, model: str, kept: _Kept) -> str:
    """Return a prompt's digest and how it begins."""
    plan = kept.plan(run_id, task, model)
    if plan is None or "prompt_hash" not in plan.factors:
        return _NOT_A_TASK
    text = json.loads(plan.factors.get("definition", "{}")).get("prompt") or ""
    return f"{plan.factors['prompt_hash'][:_DIGITS]} {shorten(str(text), 40)}".strip()


KINDS: Mapping[str, _Key] = {
    "day": _day,
    "week": _week,
    "month": _month,
    "run": _run,
    "task": _task,
    "file": _file,
    "model": _model,
    "prompt": _prompt,
}
"""What lines may be made by."""
_OF_DAYS = ("day", "week", "month", "run")


def lines_of(store: Store, kind: str, chosen: Chosen) -> list[Line]:
    """Return a line for each day, model and so on; the dearest first, days in order.

    Args:
        store: of the runs.
        kind: one of `KINDS`.
        chosen: what counts.

    Raises:
        StoreError: the store cannot be read.
    """
    kept, name_of = _Kept(store), KINDS[kind]
    lines: dict[str, Line] = {}

    def line(run_id: str, at: str, task: str, model: str) -> Line:
        name = name_of(run_id, at, task, model, kept)
        return lines.setdefault(name, Line(name))

    for spent in store.spent():
        task = _task_of(spent.owner)
        if chosen.has(spent.started_at, task, spent.model):
            line(spent.run_id, spent.started_at, task, spent.model).add(spent)
    for found in store.sample_counts():
        at = kept.started.get(found.run_id, "")
        if chosen.has(at, found.task, found.model):
            _count(line(found.run_id, at, found.task, found.model), found)
    if kind in _OF_DAYS:
        return [lines[name] for name in sorted(lines)]
    return sorted(lines.values(), key=lambda each: (-each.cost_usd, -each.calls))


def _count(line: Line, found: Samples) -> None:
    line.runs.add(found.run_id)
    line.samples += found.results


def _task_of(owner: str) -> str:
    """Return the task of behaviour tests by their file, as results have it."""
    path = PurePosixPath(owner)
    return str(path.with_suffix("")) if path.suffix == ".py" else owner
