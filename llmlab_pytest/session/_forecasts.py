"""Forecasts of this run: from what was measured before, else from its prompts."""

from collections.abc import Mapping, Sequence

from llmlab_pytest.core import (
    Forecast,
    LlmlabError,
    SampleResult,
    TaskPlan,
    Usage,
)
from llmlab_pytest.engine import Call
from llmlab_pytest.forecast import (
    Measured,
    find_measured,
    forecast_judges,
    forecast_measured,
    forecast_prompts,
)
from llmlab_pytest.providers import RequestSize, request_size, usual_cost_usd
from llmlab_pytest.session._case import Case, Group
from llmlab_pytest.session._session import LlmlabSession

_MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def may_cost(llmlab: LlmlabSession) -> bool:
    """Whether a model or judge costs money, or may do so for all that is known."""
    asked = (*llmlab.models, *llmlab.scoring.judges.chosen())
    return any(usual_cost_usd(spec, _MILLION) != 0 for spec in asked)


def estimate(
    llmlab: LlmlabSession,
    plans: Sequence[TaskPlan],
    cases: Mapping[Group, Sequence[Case]],
    *,
    most_prompts: int | None,
) -> tuple[Forecast, ...]:
    """Return what a run will take, a forecast per plan and one for each of its judges.

    Args:
        llmlab: of the run.
        plans: what is going to be run.
        cases: the samples of each plan; behaviour tests have none.
        most_prompts: so many prompts of a plan are rendered at most, evenly spread;
            `None` renders all.

    Raises:
        StoreError: the store cannot be read.
    """
    measured = find_measured(llmlab.store, plans, run_id=llmlab.run_id)
    forecasts: list[Forecast] = []
    for plan in plans:
        found = measured.get((plan.task, plan.model))
        planned = cases.get(Group(plan.task, plan.model), ())
        forecast = _forecast(llmlab, plan, _spread(planned, most_prompts), found)
        forecasts += [forecast, *_judging(llmlab, plan, planned, found, forecast)]
    return tuple(forecasts)


def _forecast(
    llmlab: LlmlabSession,
    plan: TaskPlan,
    cases: Sequence[Case],
    measured: Measured | None,
) -> Forecast:
    calls = [llmlab.call_of(case) for case in cases]
    asked = [call for call in calls if not _is_kept(llmlab, call)]
    share = len(asked) / len(calls) if calls else 1.0
    items = round(plan.planned * share)
    kept = plan.planned - items
    if measured is not None:
        return forecast_measured(
            plan,
            measured.results,
            items,
            pace=measured.pace,
            basis=f"{len(measured.results)} results of run {measured.run_id}",
            kept=kept,
        )
    if not calls:
        return Forecast(
            task=plan.task,
            model=plan.model,
            items=items,
            basis="fewer than 2 earlier results",
        )
    spec = cases[0].spec
    return forecast_prompts(
        plan,
        [found for call in asked if (found := _size(call)) is not None],
        items,
        cost_usd=lambda usage: usual_cost_usd(spec, usage),
        kept=kept,
    )


def _judging(
    llmlab: LlmlabSession,
    plan: TaskPlan,
    cases: Sequence[Case],
    measured: Measured | None,
    forecast: Forecast,
) -> tuple[Forecast, ...]:
    """Return what the judges of a plan's answers will take."""
    try:
        judges = llmlab.scoring.judges_of(cases[0].planned.task) if cases else ()
    except LlmlabError:  # its test will say so
        judges = ()
    if not judges:
        return ()
    results: Sequence[SampleResult] = ()
    if measured is not None:
        results = llmlab.store.results(
            measured.run_id, task=plan.task, model=plan.model
        )
    return forecast_judges(plan, judges, results, forecast=forecast)


def _spread(cases: Sequence[Case], most: int | None) -> Sequence[Case]:
    if most is None or len(cases) <= most:
        return cases
    step = len(cases) / most
    return [cases[int(number * step)] for number in range(most)]


def _is_kept(llmlab: LlmlabSession, call: Call) -> bool:
    try:
        llmlab.journal.prepare(call.spec)
        return llmlab.journal.holds(call)
    except LlmlabError:  # its test will say so
        return False


def _size(call: Call) -> RequestSize | None:
    try:
        return request_size(call.request)
    except LlmlabError:  # its test will say so
        return None
