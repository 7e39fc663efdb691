"""Standard errors and intervals of means whose samples come in clusters."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmlab_pytest.core import Metric, SampleResult
from llmlab_pytest.metrics._corpus import shares_of
from llmlab_pytest.metrics._metrics import sample_values
from llmlab_pytest.stats import clustered_interval, clustered_stderr

Clusters = Mapping[str, str]
"""The cluster of each sample by its id; a sample without one is its own."""


def clustered(
    metric: Metric,
    results: Sequence[SampleResult],
    clusters: Clusters,
    *,
    confidence: float = 0.95,
) -> Metric:
    """Give a plain mean of samples the error and interval that its clusters make.

    Other metrics are returned as they are: weighted means and measures of all samples
    have no such error here. Without clusters declared, nothing changes.

    Args:
        metric: of these results.
        results: of one task and model.
        clusters: the cluster of each sample.
        confidence: of the interval.
    """
    if not clusters or metric.stderr is None or shares_of(results, metric.name):
        return metric
    values = sample_values(results, metric.name)
    if len(values) != metric.n:
        return metric
    plain = [sample.value for sample in values.values()]
    names = [clusters.get(name, name) for name in values]
    found = clustered_stderr(plain, names)
    return replace(
        metric,
        stderr=found and found.stderr,
        interval=clustered_interval(plain, names, confidence=confidence),
    )
