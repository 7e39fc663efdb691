"""The earlier run that relative gates compare with: of the store, or from a file."""

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path

from llmlab_pytest.core import ConfigError, SampleRecord, TaskPlan
from llmlab_pytest.gates import Baseline
from llmlab_pytest.options import LAST_RUN
from llmlab_pytest.reporting import (
    Before,
    ReadResult,
    read_jsonl,
    read_told,
    told_of,
)
from llmlab_pytest.session._find_run import known_run_id
from llmlab_pytest.session._settings import Settings
from llmlab_pytest.store import Store, open_store

_FLAG = "--llmlab-baseline"
_SUFFIX = ".jsonl"
_PART = 500
"""Samples that are read at a time."""


class Baselines:
    """What the run or file of `--llmlab-baseline` has, by task and model.

    Args:
        settings: of this run.
        store: of this project.
        run_id: of the run that is judged, which is never its own baseline.

    Raises:
        ConfigError: the store does not hold the run.
    """

    def __init__(self, settings: Settings, store: Store, run_id: str) -> None:
        self._store = store
        named = settings.baseline or ""
        self._path = Path(named) if named.endswith(_SUFFIX) else None
        self._run_id = None
        if named and self._path is None:
            self._run_id = _run_of(store, settings, named, without=run_id)

    def of(self, plan: TaskPlan) -> Baseline | None:
        """Return the baseline of a task: of the same model, else of the only one.

        Raises:
            DataError: its file is no file of results.
        """
        if self._path is not None:
            return self._from_file(plan, self._path)
        if self._run_id is not None:
            return self._from_store(plan, self._run_id)
        return None

    def before(self, plan: TaskPlan) -> Before | None:
        """Return the baseline of a task with its answers; `None` without any.

        Raises:
            DataError: its file is no file of results.
        """
        found = self.of(plan)
        if found is None or not found.results:
            return None
        answers = self._answers(plan.task, found.model)
        return Before(found.name, found.rows, answers)

    def _answers(self, task: str, model: str) -> dict[tuple[str, int], str]:
        """Read every answer of a task on a model."""
        if self._path is not None:
            told = read_told(self._path, task=task, model=model)
        else:
            told = map(told_of, self._records(task, model))
        return {
            (each.sample_id, each.epoch): each.answer
            for each in told
            if each.answer is not None
        }

    def _records(self, task: str, model: str) -> Iterator[SampleRecord]:
        run_id = self._run_id or ""
        results = self._store.results(run_id, task=task, model=model)
        ids = list(dict.fromkeys(result.sample_id for result in results))
        for start in range(0, len(ids), _PART):
            part = ids[start : start + _PART]
            yield from self._store.records(
                run_id, task=task, model=model, sample_ids=part
            )

    def _from_file(self, plan: TaskPlan, path: Path) -> Baseline:
        own = [read for read in self._lines if read.result.task == plan.task]
        model = _model(plan, (read.result.model for read in own))
        if model is None:
            return _without(plan, path.name, {read.result.model for read in own})
        chosen = [read for read in own if read.result.model == model]
        return Baseline(
            name=path.name,
            model=model,
            results=tuple(read.result for read in chosen),
            rows={r.result.sample_id: r.row for r in chosen if r.row is not None},
        )

    @cached_property
    def _lines(self) -> list[ReadResult]:
        return [] if self._path is None else list(read_jsonl(self._path))

    def _from_store(self, plan: TaskPlan, run_id: str) -> Baseline:
        plans = [p for p in self._store.plans(run_id) if p.task == plan.task]
        model = _model(plan, (p.model for p in plans))
        if model is None:
            return _without(plan, run_id, {p.model for p in plans})
        samples = self._store.samples(run_id, task=plan.task)
        results = self._store.results(run_id, task=plan.task, model=model)
        return Baseline(
            name=run_id,
            model=model,
            results=tuple(results),
            rows={sample.id: sample.metadata for sample in samples},
        )


def check_baseline(settings: Settings, run_id: str) -> None:
    """Check before anything is asked that there is such a run or file.

    Raises:
        ConfigError: there is none.
        StoreError: the store cannot be opened.
    """
    named = settings.baseline
    if not named:
        return
    if named.endswith(_SUFFIX):
        if not Path(named).is_file():
            msg = f"{_FLAG} names the file {named!r}, which does not exist."
            raise ConfigError(msg, fix="Correct it, or write it: --llmlab-samples FILE")
        return
    store = open_store(settings.store_url)
    try:
        _run_of(store, settings, named, without=run_id)
    finally:
        store.close()


def _run_of(store: Store, settings: Settings, named: str, *, without: str) -> str:
    """Return the run that is named; the last is the last finished one before this."""
    if named != LAST_RUN:
        return known_run_id(store, named, settings, flag=_FLAG)
    for run in store.runs(limit=None):
        if run.id != without and run.finished_at is not None:
            return run.id
    raise ConfigError(
        f"{_FLAG} is {named!r}, and the store {settings.store_url!r} holds no finished "
        "run before this one.",
        fix=f"Leave {_FLAG} out of the first run, or name a file.",
    )


def _model(plan: TaskPlan, models: Iterable[str]) -> str | None:
    """Return whose results a model is compared with: its own, else the only ones."""
    known = set(models)
    if plan.model in known:
        return plan.model
    return known.pop() if len(known) == 1 else None


def _without(plan: TaskPlan, name: str, models: Collection[str]) -> Baseline:
    """Return a baseline that says why it has no results of a task and model."""
    trouble = f"does not have the task {plan.task}"
    if models:
        known = ", ".join(sorted(models))
        trouble = f"has the models {known} of {plan.task}, and {plan.model} is none"
    return Baseline(name=name, model=plan.model, results=(), trouble=trouble)
