"""Which samples of a task belong together, as its card's `cluster` says."""

from collections.abc import Sequence

from llmlab_pytest.core import Sample, TaskPlan
from llmlab_pytest.prompts import evaluate

CLUSTER = "cluster"
"""The factor of a plan that holds the expression."""


def clusters_of(plan: TaskPlan, samples: Sequence[Sample]) -> dict[str, str]:
    """Return the cluster of each sample by its id; empty where none are declared.

    Raises:
        ConfigError: the expression names no field of a row.
    """
    expression = plan.factors.get(CLUSTER)
    if expression is None:
        return {}
    return {
        sample.id: str(
            evaluate(
                expression,
                {"input": sample.input, **sample.metadata},
                where=f"cluster of {plan.task} (sample {sample.id})",
            )
        )
        for sample in samples
    }
