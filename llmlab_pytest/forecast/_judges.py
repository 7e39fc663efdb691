"""Forecasts of what judges will take: from what they took of earlier answers.

Before the first answer nobody knows what a judge will read, so that a task that was
never judged has no number at all.
"""

from collections.abc import Sequence
from dataclasses import replace

from llmlab_pytest.core import Forecast, SampleResult, Span, TaskPlan, Usage
from llmlab_pytest.forecast._measured import forecast_measured


def forecast_judges(
    plan: TaskPlan,
    judges: Sequence[str],
    results: Sequence[SampleResult],
    *,
    forecast: Forecast,
) -> tuple[Forecast, ...]:
    """Return what each judge of a task on a model will take.

    Answers that are kept may be judged anew, if the judge or its rule has changed; so
    the bounds reach from the answers that will be asked for to all of them.

    Args:
        plan: names the task and the model.
        judges: aliases of those that will be asked.
        results: of an earlier run, with their scores; none if there was no such run.
        forecast: of the model's answers.
    """
    return tuple(_forecast(plan, judge, results, forecast) for judge in judges)


def _forecast(
    plan: TaskPlan, judge: str, results: Sequence[SampleResult], forecast: Forecast
) -> Forecast:
    judged = [told for result in results if (told := _taken(result, judge))]
    basis = f"judgements of {len(judged)} samples" if judged else "never judged before"
    least, most = (
        forecast_measured(plan, judged, items, pace=None, basis=basis)
        for items in (forecast.items, forecast.items + forecast.kept)
    )
    return replace(
        most,
        judge=judge,
        items=forecast.items,
        kept=forecast.kept,
        input_tokens=_between(least.input_tokens, most.input_tokens),
        output_tokens=_between(least.output_tokens, most.output_tokens),
        cost_usd=_between(least.cost_usd, most.cost_usd),
    )


def _between(least: Span | None, most: Span | None) -> Span | None:
    if least is None or most is None or least == most:
        return most
    return Span(least.low, most.high)


def _taken(result: SampleResult, judge: str) -> SampleResult | None:
    """Return what a judge took of a sample, as if it were the sample's own.

    `None` for one that it was not asked about: kept judgements take nothing.
    """
    told = [
        judgement
        for score in result.scores
        for judgement in score.judgements
        if judgement.judge == judge and judgement.usage != Usage()
    ]
    if result.error is not None or not told:
        return None
    usage = sum((judgement.usage for judgement in told), Usage())
    costs = [judgement.cost_usd for judgement in told]
    cost_usd = None if None in costs else sum(filter(None, costs))
    return replace(result, usage=usage, cost_usd=cost_usd, original=None)
