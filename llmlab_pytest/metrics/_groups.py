"""Metrics of parts of a task: MMLU's subjects, and what groups them.

Follows lm-eval 0.4.13's groups with `weight_by_size`: the value is the mean over all
samples of the group, whatever part they are of; its standard error is pooled over the
parts. The interval is that of the samples, as for a whole task. `acc@parts` is the mean
over the parts instead, each counting once, as without `weight_by_size`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from llmlab_pytest.core import GroupRow, Metric, SampleResult
from llmlab_pytest.metrics._clusters import Clusters, clustered
from llmlab_pytest.metrics._corpus import shares_of
from llmlab_pytest.metrics._metrics import MetricRegistry, compute, values_of
from llmlab_pytest.stats import normal, pooled_stderr

Path = tuple[str, ...]

_OF_PARTS = "@parts"


def build_groups(
    names: Sequence[str],
    results: Sequence[SampleResult],
    registry: MetricRegistry,
    paths: Mapping[str, Path],
    *,
    clusters: Clusters,
) -> tuple[GroupRow, ...]:
    """Aggregate the results of every group, the parts included.

    Args:
        names: of the metrics.
        results: of one task and model.
        registry: the known metrics.
        paths: the groups of each sample, by its id, widest first.
        clusters: the cluster of each sample, where any are declared.
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
                measured(name, members[path], registry, paths, clusters=clusters)
                for name in names
            ),
        )
        for path in sorted(members)
    )


def measured(
    name: str,
    results: Sequence[SampleResult],
    registry: MetricRegistry,
    paths: Mapping[str, Path],
    *,
    clusters: Clusters,
) -> Metric:
    """Compute a metric over all samples; `METRIC@parts` is its mean over the parts.

    Args:
        name: of the metric.
        results: of one task and model, or of a group of it.
        registry: the known metrics.
        paths: the groups of each sample, by its id, widest first.
        clusters: the cluster of each sample, where any are declared.
    """
    base = name.removesuffix(_OF_PARTS)
    if base == name:
        metric = _pooled(compute(name, results, registry), results, paths)
        return clustered(metric, results, clusters)
    parts = _by_part(results, paths).values()
    return _mean_of_parts(name, [compute(base, part, registry) for part in parts])


def _mean_of_parts(name: str, parts: Sequence[Metric]) -> Metric:
    """Return the plain mean, with lm-eval's `unweighted_mean_stderr`.

    Parts are independent: sqrt(Σ seᵢ²) / k; none if a part has none.
    """
    values = [part.value for part in parts if part.value is not None]
    if not values:
        return Metric(name=name, value=None, n=0)
    value, n = fmean(values), sum(part.n for part in parts)
    errors = [part.stderr for part in parts if part.stderr is not None]
    if len(errors) < len(parts):
        return Metric(name=name, value=value, n=n)
    stderr = math.hypot(*errors) / len(errors)
    interval = normal(value, stderr, method="mean of parts")
    return Metric(name=name, value=value, n=n, stderr=stderr, interval=interval)


def _by_part(
    results: Sequence[SampleResult], paths: Mapping[str, Path]
) -> dict[Path, list[SampleResult]]:
    parts: dict[Path, list[SampleResult]] = {}
    for result in results:
        parts.setdefault(paths.get(result.sample_id, ()), []).append(result)
    return parts


def _pooled(
    metric: Metric, results: Sequence[SampleResult], paths: Mapping[str, Path]
) -> Metric:
    """Give a mean the standard error pooled over the parts of its samples.

    A measure of a corpus keeps its own: it is no mean of its parts.
    """
    parts = _by_part(results, paths)
    is_mean = metric.stderr is not None and not shares_of(results, metric.name)
    if not is_mean or len(parts) == 1:
        return metric
    values = [
        [sample.value for sample in values_of(members, metric.name)]
        for members in parts.values()
    ]
    return replace(metric, stderr=pooled_stderr(values))
