"""One line of the final table from the results of a task on a model."""

from collections.abc import Mapping, Sequence

from llmlab_pytest.core import Original, SampleResult, TaskPlan, TaskRow
from llmlab_pytest.metrics._clusters import Clusters
from llmlab_pytest.metrics._groups import build_groups, measured
from llmlab_pytest.metrics._metrics import (
    MetricRegistry,
    cost_of,
    flaky_of,
    misses_of,
    scorers_of,
    usage_of,
)
from llmlab_pytest.metrics._speed import latencies_of, tokens_per_s
from llmlab_pytest.stats import quantile


def build_row(
    plan: TaskPlan,
    results: Sequence[SampleResult],
    registry: MetricRegistry,
    *,
    groups: Mapping[str, tuple[str, ...]] | None = None,
    clusters: Clusters | None = None,
) -> TaskRow:
    """Aggregate results.

    Args:
        plan: what was planned; its metrics are shown, else one per scorer.
        results: all results of this task and model, of all workers.
        registry: the known metrics.
        groups: the groups of each sample, by its id, widest first.
        clusters: the cluster of each sample, by its id, where any are declared.
    """
    paths, together = groups or {}, clusters or {}
    usage = usage_of(results)
    latencies = latencies_of(results)
    original = Original.total(result.original for result in results)
    computed_s = sum(result.compute_s or 0.0 for result in results)
    names = plan.metrics or tuple(scorers_of(results))
    return TaskRow(
        plan=plan,
        metrics=tuple(
            measured(name, results, registry, paths, clusters=together)
            for name in names
        ),
        samples=len(results),
        misses=misses_of(results),
        errors=sum(result.error is not None for result in results),
        usage=usage,
        cost_usd=cost_of(results),
        latency_p50_s=quantile(latencies, 0.5),
        latency_p95_s=quantile(latencies, 0.95),
        tokens_per_s=tokens_per_s(results),
        compute_s=computed_s or None,
        kept=sum(result.original is not None for result in results),
        original=original,
        flaky=flaky_of(results),
        groups=build_groups(names, results, registry, paths, clusters=together),
    )
