"""What earlier runs measured of a task on a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmlab_pytest.core import SampleResult, TaskPlan
from llmlab_pytest.forecast._measured import pace_of
from llmlab_pytest.store import Store

_RUNS = 30
"""So many of the latest runs are looked through."""
_LEAST = 2
_SAME = ("task_hash", "model", "shots", "chat")
"""Factors of a plan that change what a sample takes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Results of one earlier run."""

    run_id: str
    results: Sequence[SampleResult]
    pace: float | None
    """See `pace_of`; `None` where it is not known."""


def find_measured(
    store: Store, plans: Iterable[TaskPlan], *, run_id: str
) -> dict[tuple[str, str], Measured]:
    """Find for each plan the latest run that asked the same of the same model.

    Args:
        store: of the project.
        plans: what is going to be run.
        run_id: the run that is going to be, which is left out.

    Raises:
        StoreError: the store cannot be read.
    """
    wanted = {(plan.task, plan.model): plan for plan in plans}
    found: dict[tuple[str, str], Measured] = {}
    for run in store.runs(limit=_RUNS):
        if run.id == run_id or not wanted:
            continue
        alike = [
            plan
            for plan in store.plans(run.id)
            if _is_alike(plan, wanted.get((plan.task, plan.model)))
        ]
        pace = None
        if alike:
            pace = pace_of(store.taken(run.id), run, store.run_factors(run.id))
        for plan in alike:
            results = store.taken(run.id, task=plan.task, model=plan.model)
            if sum(result.error is None for result in results) >= _LEAST:
                found[plan.task, plan.model] = Measured(run.id, results, pace)
                del wanted[plan.task, plan.model]
    return found


def _is_alike(plan: TaskPlan, wanted: TaskPlan | None) -> bool:
    return wanted is not None and all(
        plan.factors.get(name) == wanted.factors.get(name) for name in _SAME
    )
