"""Forecasts: from results, from prompts, from earlier runs; how often they hold."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import Original, SampleResult, Span, TaskPlan, Usage
from llmlab_pytest.forecast import (
    find_measured,
    forecast_measured,
    forecast_prompts,
    forecasts_of,
    forecasts_text,
    pace_of,
    predict,
)
from llmlab_pytest.providers import RequestSize
from llmlab_pytest.store import RunSummary, Store, open_store

PLAN = TaskPlan(task="t", model="m", planned=4, available=4)
RUN = RunSummary("r", "2026-11-25T10:00:00.000+00:00", "2026-11-25T10:00:06.000+00:00")


def result(sample: int, **fields: Any) -> SampleResult:
    """Return a result that took ten tokens, a second and a dollar, or as told."""
    usage = Usage(input_tokens=fields.pop("input_tokens", 10), output_tokens=5)
    base: dict[str, Any] = {"cost_usd": 1.0, "latency_s": 1.0, "usage": usage}
    return SampleResult(
        **{**base, "task": "t", "model": "m", "sample_id": f"{sample}", **fields}
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = open_store(str(tmp_path / "runs.db"))
    yield opened
    opened.close()


def test_results_say_what_others_will_take() -> None:
    """The mean times the number, with room for how they differ; never below 0."""
    results = [result(n, input_tokens=tokens) for n, tokens in enumerate((1, 9, 20))]
    found = forecast_measured(PLAN, results, 30, pace=0.5, basis="b")
    assert found.input_tokens is not None
    assert found.input_tokens.likely == pytest.approx(300)
    assert found.input_tokens.low == 0.0
    # t(2) = 4.3027, s = 9.5394, sqrt(30 + 900 / 3) = 18.1659
    assert found.input_tokens.high == pytest.approx(
        300 + 4.3027 * 9.5394 * 18.1659, 1e-4
    )
    assert found.cost_usd == Span(30.0, 30.0, 30.0)
    assert found.time_s == Span(15.0, 15.0, 15.0)


def test_unknown_amounts_stay_unknown() -> None:
    """One cost that nobody knows, or a single result, and nothing is said."""
    results = [result(1), result(2, cost_usd=None)]
    found = forecast_measured(PLAN, results, 2, pace=None, basis="b")
    assert (found.cost_usd, found.time_s) == (None, None)
    assert found.output_tokens == Span(10.0, 10.0, 10.0)
    assert forecast_measured(PLAN, [result(1)], 2, pace=1, basis="b").cost_usd is None


def test_errors_say_nothing() -> None:
    """A sample that ended in an error took nothing that others will take."""
    broken = result(3, error="Timeout", cost_usd=None, latency_s=None, usage=Usage())
    found = forecast_measured(
        PLAN, [result(1), result(2), broken], 10, pace=1, basis=""
    )
    assert found.cost_usd == Span(10.0, 10.0, 10.0)


def test_kept_answers_cost_what_they_cost_at_first() -> None:
    """A larger workload has samples that are in no cache."""
    kept = Original(source="cache", cost_usd=3.0, latency_s=2.0)
    results = [result(n, cost_usd=0.0, latency_s=None, original=kept) for n in range(2)]
    found = forecast_measured(PLAN, results, 10, pace=1.0, basis="")
    assert found.cost_usd == Span(30.0, 30.0, 30.0)
    assert found.time_s == Span(20.0, 20.0, 20.0)


def test_prediction_scales_every_row() -> None:
    """Ten times a plan of four samples are forty."""
    prediction = predict(10, [(PLAN, [result(1), result(2)])], pace=2.0)
    assert prediction.factor == 10
    (row,) = prediction.forecasts
    assert (row.items, row.cost_usd, row.basis) == (40, Span(40, 40, 40), "2 of 4")
    assert row.time_s == Span(80, 80, 80)


@pytest.mark.parametrize(
    ("run", "results", "factors", "pace"),
    [
        (RUN, [result(1), result(2, latency_s=2.0)], {}, 2.0),
        (RUN, [result(1)], {"resumed": "yes"}, None),
        (RUN._replace(finished_at=None), [result(1)], {}, None),
        (RUN, [result(1, latency_s=None)], {}, None),
        (RUN, [result(1), result(2, original=Original(source="cache"))], {}, None),
    ],
    ids=["known", "resumed", "unfinished", "without calls", "kept"],
)
def test_pace_is_that_of_an_undisturbed_run(
    run: RunSummary, results: Sequence[SampleResult], factors: Any, pace: float | None
) -> None:
    """Seconds of the run by those of its calls, where the clock measured only them."""
    assert pace_of(results, run, factors) == pace


def test_prompts_give_bounds() -> None:
    """Bytes bound the tokens read, `max_tokens` those written; costs are theirs."""
    prompts = [RequestSize(600, 50), RequestSize(1200, 50)]
    found = forecast_prompts(
        PLAN, prompts, 2, cost_usd=lambda usage: usage.tokens / 1000, kept=2
    )
    assert found.input_tokens == Span(300.0, 900.0 + 32)
    assert found.output_tokens == Span(2.0, 100.0)
    assert found.cost_usd == Span(0.302, 1.032)
    assert (found.items, found.kept, found.time_s) == (2, 2, None)


def test_some_prompts_stand_for_all() -> None:
    """The bounds leave room for those that were not looked at."""
    prompts = [RequestSize(size, 0) for size in range(600, 660)]
    found = forecast_prompts(PLAN, prompts, 600, cost_usd=lambda _: None)
    assert found.input_tokens is not None
    assert found.input_tokens.low < 600 * 629.5 / 6 < found.input_tokens.high
    assert found.output_tokens == Span(0.0, 0.0)  # likelihoods
    assert found.cost_usd is None


def test_kept_text_gives_the_same_forecasts() -> None:
    """What a run keeps of its estimate is read back whole."""
    first = forecast_measured(PLAN, [result(1), result(2)], 9, pace=None, basis="b")
    second = forecast_prompts(PLAN, [RequestSize(10, 1)], 1, cost_usd=lambda _: None)
    assert forecasts_of(forecasts_text([first, second])) == (first, second)


def _keep(store: Store, run: str, plan: TaskPlan, *results: SampleResult) -> None:
    store.start_run(run, started_at=f"2026-11-25T1{run}:00:00+00:00", factors={})
    store.plan_task(run, plan)
    for one in results:
        store.record_result(run, one)
    store.finish_run(run, finished_at=f"2026-11-25T1{run}:00:10+00:00")


def test_the_latest_run_that_asked_the_same_counts(store: Store) -> None:
    """Not the run itself, none with too few results, none of another task or model."""
    same = TaskPlan(
        task="t", model="m", planned=2, available=2, factors={"task_hash": "a"}
    )
    other = TaskPlan(
        task="t", model="m", planned=2, available=2, factors={"task_hash": "b"}
    )
    _keep(store, "1", same, result(1), result(2, cost_usd=7.0))
    _keep(store, "2", other, result(1), result(2))
    _keep(store, "3", same, result(1), result(2, error="Timeout"))
    _keep(store, "4", same, result(1), result(2))
    found = find_measured(store, [same], run_id="4")
    measured = found["t", "m"]
    assert measured.run_id == "1"
    assert [one.cost_usd for one in measured.results] == [1.0, 7.0]
    assert measured.pace == pytest.approx(10 / 2)


@pytest.mark.parametrize(
    ("draw", "n", "least"),
    [
        (lambda rng: rng.gauss(100, 30), 5, 0.94),
        (lambda rng: rng.gauss(100, 30), 50, 0.94),
        (lambda rng: rng.expovariate(1 / 100), 50, 0.92),
        (lambda rng: rng.lognormvariate(4, 0.8), 50, 0.91),
        (lambda rng: float(rng.random() < 0.3) * 200 + 5, 50, 0.92),
    ],
    ids=["normal-5", "normal-50", "exponential", "lognormal", "two lengths"],
)
def test_intervals_hold_as_often_as_they_say(draw: Any, n: int, least: float) -> None:
    """Of 95 in a hundred larger workloads, or little fewer where lengths are skewed."""
    rng = random.Random(7)
    held = 0
    trials = 600
    plan = replace(PLAN, planned=n)
    for _ in range(trials):
        costs = [draw(rng) for _ in range(n)]
        results = [result(k, cost_usd=cost) for k, cost in enumerate(costs)]
        (row,) = predict(10, [(plan, results)], pace=None).forecasts
        assert row.cost_usd is not None
        whole = sum(draw(rng) for _ in range(row.items))
        held += row.cost_usd.low <= whole <= row.cost_usd.high
    assert least <= held / trials <= 0.97
