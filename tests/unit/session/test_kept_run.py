"""A run read from its store: order, strata, verdicts, and only parts at a time."""

import json
from pathlib import Path

import pytest

from llmlab_pytest.core import Sample, SampleRecord, SampleResult, Score, TaskPlan
from llmlab_pytest.metrics import default_metrics
from llmlab_pytest.reporting import TaskSamples
from llmlab_pytest.session import _kept_run
from llmlab_pytest.session._kept_run import KeptRun
from llmlab_pytest.store import Store, open_store

SUBJECTS = ["law", "algebra", "law", "law", "algebra"]


def plan(*, stratify: str | None = "subject", **fields: object) -> TaskPlan:
    given = {"task": "t", "model": "m", "planned": 5, "available": 5, **fields}
    definition = json.dumps({"stratify": stratify})
    return TaskPlan(**given, factors={"definition": definition})  # type: ignore[arg-type]


def keep(store: Store, number: int, value: float | None) -> None:
    """Keep a sample whose id sorts against its place in the dataset."""
    name = f"s{9 - number}"
    sample = Sample(
        id=name, input="q", metadata={"subject": SUBJECTS[number]}, position=number
    )
    scores = () if value is None else (Score(scorer="acc", value=value),)
    error = "Timeout" if value is None else None
    result = SampleResult(
        task="t", model="m", sample_id=name, scores=scores, error=error
    )
    store.record_result("r", result, sample=sample)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a run of five samples, one of which failed."""
    opened = open_store(str(tmp_path / "store.db"))
    opened.start_run("r", started_at="2026-11-24T18:05:01+00:00", factors={"seed": "1"})
    for number, value in enumerate([1.0, 0.0, 1.0, 0.0, None]):
        keep(opened, number, value)
    return opened


def table_of(store: Store, planned: TaskPlan) -> TaskSamples:
    store.plan_task("r", planned)
    run = KeptRun(store, "r", metrics=default_metrics())
    (table,) = run.tables(run.report())
    return table


@pytest.mark.parametrize("part", [1, 2, 500])
def test_samples_come_in_the_order_of_the_dataset(
    store: Store, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """However many are read at a time, and again as often as they are asked for."""
    monkeypatch.setattr(_kept_run, "_PART", part)
    table = table_of(store, plan())
    for _ in range(2):
        records: list[SampleRecord] = list(table.records)
        assert [r.result.sample_id for r in records] == ["s9", "s8", "s7", "s6", "s5"]
        assert [r.stratum for r in records] == SUBJECTS


def test_strata_add_up_to_the_task(store: Store) -> None:
    """Each has its metric with an interval, and its errors; sorted by name."""
    table = table_of(store, plan())
    assert table.stratified_by == "subject"
    algebra, law = table.strata
    assert (algebra.name, law.name) == ("algebra", "law")
    (metric,) = law.row.metrics
    assert (metric.name, metric.n, metric.value) == ("acc", 3, pytest.approx(2 / 3))
    assert metric.interval is not None
    assert metric.interval.method == "wilson"
    assert (algebra.row.errors, algebra.row.misses, law.row.errors) == (1, 1, 0)
    assert sum(stratum.row.samples for stratum in table.strata) == table.row.samples


@pytest.mark.parametrize("stratify", [None, "'all'"])
def test_one_group_is_no_group(store: Store, stratify: str | None) -> None:
    """A task without strata, or with one, has none to show."""
    assert table_of(store, plan(stratify=stratify)).strata == ()


def test_verdicts_are_judged_again_from_what_is_kept(store: Store) -> None:
    """As at the end of the run: an error makes the gate one, missing samples open."""
    run = KeptRun(store, "r", metrics=default_metrics())
    store.plan_task("r", plan(gates=("acc >= 0.1", "errors <= 1")))
    report = run.report()
    assert [verdict.state for verdict in report.verdicts] == ["error", "passed"]
    assert report.finished_at is None
    assert report.factors == {"seed": "1"}
    store.plan_task("r", plan(gates=("errors <= 1",), planned=9))
    (verdict,) = run.report().verdicts
    assert (verdict.state, verdict.reason[:6]) == ("inconclusive", "5 of 9")
