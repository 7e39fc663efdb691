"""Metrics of parts of a task: MMLU's subjects, and what groups them.

Follows lm-eval 0.4.13's groups with `weight_by_size`: the value is the mean over all
samples of the group, whatever part they are of; its standard error is pooled over the
parts. The interval is that of the samples, as for a whole task.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmlab_pytest.core import GroupRow, Metric, SampleResult
from llmlab_pytest.metrics._corpus import shares_of
from llmlab_pytest.metrics._metrics import MetricRegistry, compute, values_of
from llmlab_pytest.stats import pooled_stderr

Path = tuple[str, ...]


def build_groups(
    names: Sequence[str],
    results: Sequence[SampleResult],
    registry: MetricRegistry,
    paths: Mapping[str, Path],
) -> tuple[GroupRow, ...]:
    """Aggregate the results of every group, the parts included.

    Args:
        names: of the metrics.
        results: of one task and model.
        registry: the known metrics.
        paths: the groups of each sample, by its id, widest first.
    """
    members: dict[Path, list[SampleResult]] = {}
    for result in results:
        path = paths.get(result.sample_id, ())
        for depth in range(1, len(path) + 1):
            members.setdefault(path[:depth], []).append(result)
    return tuple(
        GroupRow(
            path=path,
            samples=len(members[path]),
            metrics=tuple(
                pooled(compute(name, members[path], registry), members[path], paths)
                for name in names
            ),
        )
        for path in sorted(members)
    )


def pooled(
    metric: Metric, results: Sequence[SampleResult], paths: Mapping[str, Path]
) -> Metric:
    """Give a mean the standard error pooled over the parts of its samples.

    A measure of a corpus keeps its own: it is no mean of its parts.
    """
    parts: dict[Path, list[SampleResult]] = {}
    for result in results:
        parts.setdefault(paths.get(result.sample_id, ()), []).append(result)
    is_mean = metric.stderr is not None and not shares_of(results, metric.name)
    if not is_mean or len(parts) == 1:
        return metric
    values = [
        [sample.value for sample in values_of(members, metric.name)]
        for members in parts.values()
    ]
    return replace(metric, stderr=pooled_stderr(values))
