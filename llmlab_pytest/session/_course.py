"""What a run keeps of how its samples came in, where tasks stop once decided."""

from collections.abc import Mapping

from llmlab_pytest.core import TaskPlan
from llmlab_pytest.gates import Course

SEQUENTIAL = "sequential"
"""The factor of a plan whose task may stop early: the seed of its order."""


def stop_factor(task: str, model: str) -> str:
    """Name the factor of a run that says after how many samples a task stopped."""
    return f"stopped:{task}:{model}"


def course_of(plan: TaskPlan, factors: Mapping[str, str]) -> Course | None:
    """Return how the samples of a task came in; `None`: all of them, in any order.

    Args:
        plan: of the task.
        factors: of the run.
    """
    seed = plan.factors.get(SEQUENTIAL)
    if seed is None:
        return None
    stopped = factors.get(stop_factor(plan.task, plan.model))
    return Course(seed, None if stopped is None else int(stopped))
