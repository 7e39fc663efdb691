"""The runs of a store, as the page reads them; what is finished is computed once."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from llmlab_pytest.comparing import open_runs
from llmlab_pytest.core import ConfigError, Report, TaskPlan, TaskRow
from llmlab_pytest.gates import parse_gate
from llmlab_pytest.metrics import MetricRegistry, build_row, default_metrics
from llmlab_pytest.session import KeptRun
from llmlab_pytest.store import RunSummary, Store
from llmlab_pytest.tasks import clusters_of

_MOST_ROWS = 256
_MOST_COMPARISONS = 4
"""Each holds all results of its runs."""
_SHOWN = 5
Value = TypeVar("Value")


class Reported(NamedTuple):
    """What a run says."""

    report: Report
    unjudged: tuple[str, ...]
    """Gates that are not decided here, since they need a baseline."""
    trouble: str
    """Why a part of it is missing; empty if nothing is."""


class _Kept:
    """What was computed of finished runs; the oldest goes first.

    Args:
        most: how many things are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[Hashable, Any] = {}

    def once(
        self,
        runs: Sequence[RunSummary],
        key: tuple[Hashable, ...],
        make: Callable[[], Value],
    ) -> Value:
        """Return what is made once for finished runs, and each time for others."""
        if any(run.finished_at is None for run in runs):
            return make()
        whole = (tuple(runs), key)
        if whole in self._values:
            kept: Value = self._values[whole]
            return kept
        made = self._values[whole] = make()
        for old in list(self._values)[: -self._most]:
            self._values.pop(old, None)
        return made


class Shelf:
    """Reads one store; writes nothing.

    Args:
        url: path or URL of the store, which need not exist yet.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.metrics: MetricRegistry = default_metrics()
        self._store: Store | None = None
        self._opening = Lock()
        self._rows = _Kept(_MOST_ROWS)
        self._comparisons = _Kept(_MOST_COMPARISONS)

    @property
    def store(self) -> Store:
        """The open store.

        Raises:
            ConfigError: there is none yet.
            StoreError: it cannot be read.
        """
        with self._opening:
            if self._store is None:
                self._store = open_runs(self.url)
            return self._store

    def runs(self) -> list[RunSummary]:
        """Return all runs, newest first; none while there is no store."""
        try:
            store = self.store
        except ConfigError:
            return []
        return store.runs(limit=None)

    def run(self, run_id: str) -> RunSummary:
        """Return a run.

        Raises:
            ConfigError: the store does not hold it.
        """
        runs = self.runs()
        for run in runs:
            if run.id == run_id:
                return run
        latest = ", ".join(run.id for run in runs[:_SHOWN])
        raise ConfigError(
            f"The store {self.url!r} does not hold the run {run_id!r}.",
            allowed=f"Its latest runs: {latest or 'none'}.",
        )

    def plan(self, run_id: str, task: str, model: str) -> TaskPlan:
        """Return the plan of a task on a model.

        Raises:
            ConfigError: the run has none.
        """
        plans = self.store.plans(run_id)
        for plan in plans:
            if (plan.task, plan.model) == (task, model):
                return plan
        known = sorted({f"{plan.task} on {plan.model}" for plan in plans})
        raise ConfigError(
            f"The run {run_id!r} did not ask {model!r} the task {task!r}.",
            allowed=f"It has: {', '.join(known[:_SHOWN]) or 'none'}.",
        )

    def reported(self, run_id: str) -> Reported:
        """Return what a run says.

        Raises:
            ConfigError: there is no such run.
        """
        run = self.run(run_id)
        return self._rows.once([run], (), lambda: self._read(run))

    def row(self, run: RunSummary, plan: TaskPlan) -> TaskRow:
        """Return the line of a task on a model."""
        key = ("row", plan.task, plan.model)
        return self._rows.once([run], key, lambda: self._row(run.id, plan))

    def compared(
        self,
        runs: Sequence[RunSummary],
        key: tuple[Hashable, ...],
        make: Callable[[], Value],
    ) -> Value:
        """Return a comparison of runs, made once where all of them are finished."""
        return self._comparisons.once(runs, key, make)

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()

    def _read(self, run: RunSummary) -> Reported:
        kept = KeptRun(self.store, run.id, metrics=self.metrics)
        plans = self.store.plans(run.id)
        unjudged = [
            f"{gate} ({plan.task} on {plan.model})"
            for plan in plans
            for gate in plan.gates
            if parse_gate(gate, where=plan.task).is_relative
        ]
        try:
            verdicts = [
                kept.decide(plan, gate)
                for plan in plans
                for gate in plan.gates
                if not parse_gate(gate, where=plan.task).is_relative
            ]
            return Reported(kept.report(verdicts), tuple(unjudged), "")
        except ConfigError as error:  # a metric of a plugin, which only pytest loads
            report = Report(
                run_id=run.id,
                rows=tuple(self._row(run.id, plan) for plan in plans),
                factors=self.store.run_factors(run.id),
                started_at=run.started_at,
                finished_at=run.finished_at,
            )
            return Reported(report, tuple(unjudged), str(error))

    def _row(self, run_id: str, plan: TaskPlan) -> TaskRow:
        results = self.store.results(run_id, task=plan.task, model=plan.model)
        samples = self.store.samples(run_id, task=plan.task)
        clusters = clusters_of(plan, samples)
        try:
            return build_row(plan, results, self.metrics, clusters=clusters)
        except ConfigError:
            by_scorer = replace(plan, metrics=())
            return build_row(by_scorer, results, self.metrics, clusters=clusters)
