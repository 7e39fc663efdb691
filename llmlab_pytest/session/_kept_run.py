"""A run as the store keeps it: its report, its verdicts, and its samples in parts."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from llmlab_pytest.comparing import (
    comparable,
    compare_pairs,
    pairs_of,
    prompt_sides,
    side_by_side,
    sides_of_run,
)
from llmlab_pytest.core import (
    Contribution,
    Prediction,
    Report,
    Sample,
    SampleRecord,
    SampleResult,
    Stratum,
    TaskPlan,
    TaskRow,
    Verdict,
)
from llmlab_pytest.covering import Declared, coverage_of, verdicts_of
from llmlab_pytest.forecast import ESTIMATE, forecasts_of, pace_of, predict
from llmlab_pytest.gates import Evidence, Gate, decide, parse_gate, watched
from llmlab_pytest.judging import Calibration, judge_rows
from llmlab_pytest.metrics import (
    MetricRegistry,
    build_row,
    contributions,
    engine_accounts,
)
from llmlab_pytest.prompts import evaluate
from llmlab_pytest.reporting import SideBySide, TaskSamples
from llmlab_pytest.session._baseline import Baselines
from llmlab_pytest.session._course import course_of
from llmlab_pytest.stats import holm
from llmlab_pytest.store import RunSummary, Store
from llmlab_pytest.tasks import CLUSTER, PROMPTS_OF, clusters_of

_PART = 500
"""Samples read at a time: 500 prompts of a few thousand characters are a few MB."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a sample stands in its dataset, and what it belongs to there."""

    position: int
    stratum: str | None
    cluster: str | None


class KeptRun:
    """Reads one run; writes nothing."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        *,
        metrics: MetricRegistry,
        calibrations: Sequence[Calibration] = (),
        baselines: Baselines | None = None,
        coverage: Sequence[Declared] = (),
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._metrics = metrics
        self._calibrations = calibrations
        self._baselines = baselines
        self._coverage = coverage
        self._shown: dict[tuple[str, str], list[SampleResult]] = {}

    def report(
        self,
        verdicts: Sequence[Verdict] | None = None,
        *,
        predict_by: Sequence[float] = (),
    ) -> Report:
        """Build the final report.

        Args:
            predict_by: how many times as large the workloads are to predict.
            verdicts: what the run's gates decided; by default they are judged now, by
                the same results.

        Raises:
            ConfigError: a metric is not known here, because its plugin is not loaded.
        """
        plans = self._store.plans(self._run_id)
        if verdicts is None:
            verdicts = [
                self.decide(plan, gate) for plan in plans for gate in plan.gates
            ]
        runs = (r for r in self._store.runs(limit=None) if r.id == self._run_id)
        summary = next(runs, None)
        # Their samples are shown next, and reading 20,000 results takes a second.
        self._shown = {(p.task, p.model): self._results(p) for p in plans}
        rows = tuple(map(self._row, plans))
        factors = self._store.run_factors(self._run_id)
        coverage = coverage_of(self._store, self._run_id, self._coverage)
        is_finished = summary is not None and summary.finished_at is not None
        return Report(
            run_id=self._run_id,
            rows=rows,
            verdicts=(*verdicts, *verdicts_of(coverage, is_finished=is_finished)),
            coverage=coverage,
            contributions=self._contributions(),
            engines=engine_accounts(rows, factors),
            estimate=forecasts_of(factors.pop(ESTIMATE, "[]")),
            predictions=self._predictions(plans, predict_by, summary, factors),
            factors=factors,
            started_at=summary and summary.started_at,
            finished_at=summary and summary.finished_at,
        )

    def _predictions(
        self,
        plans: Sequence[TaskPlan],
        predict_by: Sequence[float],
        summary: RunSummary | None,
        factors: Mapping[str, str],
    ) -> tuple[Prediction, ...]:
        if not predict_by:
            return ()
        measured = [(plan, self._results(plan)) for plan in plans]
        everything = [result for _, results in measured for result in results]
        pace = None if summary is None else pace_of(everything, summary, factors)
        return tuple(predict(factor, measured, pace=pace) for factor in predict_by)

    def decide(self, plan: TaskPlan, gate: str) -> Verdict:
        """Judge a task on a model by the results of all workers."""
        parsed = parse_gate(gate, where=plan.task)
        evidence = self._evidence(parsed, plan)
        return decide(parsed, plan, self._results(plan), self._metrics, evidence)

    def _evidence(self, gate: Gate, plan: TaskPlan) -> Evidence:
        """Read what few gates need, and only for them."""
        course = course_of(plan, self._store.run_factors(self._run_id))
        if gate.part is None and not gate.is_relative and CLUSTER not in plan.factors:
            return Evidence(course=course)
        samples = self._store.samples(self._run_id, task=plan.task)
        baseline = None
        if gate.is_relative and self._baselines is not None:
            baseline = self._baselines.of(plan)
        return Evidence(
            rows={sample.id: sample.metadata for sample in samples},
            clusters=clusters_of(plan, samples),
            baseline=baseline,
            course=course,
        )

    def side_by_side(self) -> SideBySide | None:
        """Set models side by side, and prompts; `None` where no task has two.

        Raises:
            StoreError: the store cannot be read.
        """
        plans = self._store.plans(self._run_id)
        tasks = Counter(plan.task for plan in plans)
        has_prompts = any(PROMPTS_OF in plan.factors for plan in plans)
        if not has_prompts and max(tasks.values(), default=0) <= 1:
            return None
        found = list(sides_of_run(self._store, self._run_id))
        sides = comparable([*found, *prompt_sides(found)])
        return side_by_side(sides, compare_pairs(pairs_of(sides), self._metrics, holm))

    def tables(self, report: Report) -> Iterator[TaskSamples]:
        """Yield the samples of each task and model, in the order of the report."""
        baselines = self._baselines
        for row in sorted(report.rows, key=lambda row: (row.plan.task, row.plan.model)):
            results = self._of_report(row.plan)
            stratify = _stratify(row.plan)
            places = self._places(row.plan, stratify)
            yield TaskSamples(
                row=row,
                stratified_by=stratify or "",
                strata=self._strata(row, results, places),
                records=_Records(self._store, self._run_id, row.plan, results, places),
                before=partial(baselines.before, row.plan) if baselines else None,
            )

    def _of_report(self, plan: TaskPlan) -> list[SampleResult]:
        """Return the results that the last report was made of."""
        found = self._shown.get((plan.task, plan.model))
        return self._results(plan) if found is None else found

    def _results(self, plan: TaskPlan) -> list[SampleResult]:
        return self._store.results(self._run_id, task=plan.task, model=plan.model)

    def _row(self, plan: TaskPlan) -> TaskRow:
        samples: list[Sample] = []
        if {"group", CLUSTER} & plan.factors.keys():
            samples = self._store.samples(self._run_id, task=plan.task)
        results = self._of_report(plan)
        row = build_row(
            plan,
            results,
            self._metrics,
            groups={sample.id: sample.groups for sample in samples},
            clusters=clusters_of(plan, samples),
        )
        row = replace(row, judges=judge_rows(results, self._calibrations))
        course = course_of(plan, self._store.run_factors(self._run_id))
        if course is None:
            return row
        metrics = (watched(m, results, self._metrics, course) for m in row.metrics)
        return replace(row, metrics=tuple(metrics))

    def _contributions(self) -> tuple[Contribution, ...]:
        """Compare the settings of every explanation of this run, per model."""
        plans = [p for p in self._store.plans(self._run_id) if "place" in p.factors]
        plans.sort(key=lambda plan: int(plan.factors["place"]))
        settings: dict[tuple[str, str], dict[str, Sequence[SampleResult]]] = {}
        for plan in plans:
            results = self._results(plan)
            by_change = settings.setdefault(
                (plan.factors["explanation"], plan.model), {}
            )
            by_change[plan.factors["changes"]] = results
        return tuple(
            contribution
            for (name, model), by_change in settings.items()
            for contribution in contributions(name, model, by_change)
        )

    def _places(self, plan: TaskPlan, stratify: str | None) -> dict[str, _Place]:
        samples = self._store.samples(self._run_id, task=plan.task)
        places: dict[str, _Place] = {}
        clusters = clusters_of(plan, samples)
        for number, sample in enumerate(samples):
            position = number if sample.position is None else sample.position
            stratum = None
            if stratify is not None:
                fields = {"input": sample.input, **sample.metadata}
                where = f"stratify of {plan.task} (sample {sample.id})"
                stratum = str(evaluate(stratify, fields, where=where))
            places[sample.id] = _Place(position, stratum, clusters.get(sample.id))
        return places

    def _strata(
        self, row: TaskRow, results: Sequence[SampleResult], places: dict[str, _Place]
    ) -> tuple[Stratum, ...]:
        groups: dict[str, list[SampleResult]] = {}
        for result in results:
            place = places.get(result.sample_id)
            if place is not None and place.stratum is not None:
                groups.setdefault(place.stratum, []).append(result)
        if len(groups) <= 1:
            return ()
        clusters = {n: p.cluster for n, p in places.items() if p.cluster is not None}
        return tuple(
            Stratum(
                name,
                build_row(
                    _part_of(row, group), group, self._metrics, clusters=clusters
                ),
            )
            for name, group in sorted(groups.items())
        )


class _Records:
    """The records of a task and model in the order of the dataset, read in parts."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        plan: TaskPlan,
        results: Sequence[SampleResult],
        places: dict[str, _Place],
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._plan = plan
        self._places = places
        last = len(places)
        self._ids = sorted(
            {result.sample_id for result in results},
            key=lambda name: (places[name].position if name in places else last, name),
        )

    def __iter__(self) -> Iterator[SampleRecord]:
        for start in range(0, len(self._ids), _PART):
            wanted = self._ids[start : start + _PART]
            rank = {name: number for number, name in enumerate(wanted)}
            records = self._store.records(
                self._run_id,
                task=self._plan.task,
                model=self._plan.model,
                sample_ids=wanted,
            )
            for record in sorted(records, key=lambda r: rank[r.result.sample_id]):
                place = self._places.get(record.result.sample_id)
                yield replace(record, stratum=place.stratum if place else None)


def _stratify(plan: TaskPlan) -> str | None:
    definition = json.loads(plan.factors.get("definition", "{}"))
    expression = definition.get("stratify")
    return expression if isinstance(expression, str) else None


def _part_of(row: TaskRow, group: Sequence[SampleResult]) -> TaskPlan:
    """Return the plan of a stratum; its metrics are those of the whole task."""
    return replace(
        row.plan,
        planned=len(group),
        available=len(group),
        metrics=tuple(metric.name for metric in row.metrics),
    )
