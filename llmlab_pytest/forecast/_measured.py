"""Forecasts from results: what some samples took says what others will take."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from statistics import fmean

from llmlab_pytest.core import Forecast, Prediction, SampleResult, Span, TaskPlan
from llmlab_pytest.stats import sum_interval
from llmlab_pytest.store import RunSummary

_Amount = Callable[[SampleResult], float | None]


def forecast_measured(
    plan: TaskPlan,
    results: Sequence[SampleResult],
    items: int,
    *,
    pace: float | None,
    basis: str,
    kept: int = 0,
) -> Forecast:
    """Return what `items` samples of a task on a model will take.

    Args:
        plan: names the task and the model.
        results: of samples that were drawn as those will be; errors are left out.
        items: how many will be asked.
        pace: seconds of the run by seconds of its calls, see `pace_of`.
        basis: what the results are, for people.
        kept: how many more have an answer already.
    """
    answered = [result for result in results if result.error is None]

    def span(amount: _Amount, scale: float = 1.0) -> Span | None:
        values = [amount(result) for result in answered]
        known = [value * scale for value in values if value is not None]
        return _span(known, items) if len(known) == len(values) else None

    return Forecast(
        task=plan.task,
        model=plan.model,
        items=items,
        kept=kept,
        input_tokens=span(lambda result: result.usage.input_tokens),
        output_tokens=span(lambda result: result.usage.output_tokens),
        cost_usd=span(cost_anew_usd),
        time_s=None if pace is None else span(call_s, pace),
        basis=basis,
    )


def predict(
    factor: float,
    measured: Sequence[tuple[TaskPlan, Sequence[SampleResult]]],
    *,
    pace: float | None,
) -> Prediction:
    """Return what a workload `factor` times as large as a run will take.

    Args:
        factor: above 0; 10 stands for ten times as many samples of the same kind.
        measured: the run's plans and their results.
        pace: of the run; the workload is taken to go on at it.
    """
    forecasts = (
        forecast_measured(
            plan,
            results,
            round(factor * plan.planned),
            pace=pace,
            basis=f"{sum(r.error is None for r in results)} of {plan.planned}",
        )
        for plan, results in measured
    )
    return Prediction(factor, tuple(forecasts))


def pace_of(
    results: Sequence[SampleResult], run: RunSummary, factors: Mapping[str, str]
) -> float | None:
    """Return seconds of a run by seconds of its calls.

    Below 1 where calls ran side by side. `None` where nobody knows: a run without
    calls, one that is not finished, was interrupted, or has kept answers.

    Args:
        results: all of the run.
        run: when it began and ended.
        factors: of the run.
    """
    if run.finished_at is None or "resumed" in factors:
        return None
    started, finished = map(datetime.fromisoformat, (run.started_at, run.finished_at))
    wall_s = (finished - started).total_seconds()
    asked_s = sum(result.latency_s or 0.0 for result in results)
    if not (wall_s > 0 and asked_s > 0) or any(result.original for result in results):
        return None
    return wall_s / asked_s


def cost_anew_usd(result: SampleResult) -> float | None:
    """Return what a sample costs if nothing is kept, US dollars."""
    kept_usd = 0.0 if result.original is None else result.original.cost_usd
    if result.cost_usd is None or kept_usd is None:
        return None
    return result.cost_usd + kept_usd


def call_s(result: SampleResult) -> float | None:
    """Return the seconds of a sample's calls if nothing is kept."""
    if result.original is None:
        return result.latency_s
    return (result.latency_s or 0.0) + result.original.latency_s


def _span(values: Sequence[float], items: int) -> Span | None:
    """Return what the sum of `items` further values will be, never below 0.

    One value says how much, and not how far off that is; then nothing is said.
    """
    interval = sum_interval(values, items)
    if interval is None:
        return None
    return Span(max(0.0, interval.low), interval.high, items * fmean(values))
