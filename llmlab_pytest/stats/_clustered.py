"""Samples that come in clusters: several questions on one text, a row in ten wordings.

They are no independent observations; a standard error that takes them for such is too
small. The one here is cluster-robust with the correction for few clusters of Bell and
McCaffrey (2002), "CR2", and Student's t with the degrees of freedom of Satterthwaite
that belong to it (Imbens and Kolesár 2016). For a mean all of it has a closed form.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

from llmlab_pytest.core import Interval
from llmlab_pytest.stats._intervals import wilson
from llmlab_pytest.stats._student import student_t_quantile

_LEAST = 2
"""One cluster says nothing about how clusters differ."""


class Clustered(NamedTuple):
    """The error of a mean over clusters."""

    stderr: float
    degrees: float
    """Degrees of freedom: clusters - 1 where all have as many samples, else fewer."""
    clusters: int


def clustered_stderr(
    values: Sequence[float], clusters: Sequence[Hashable]
) -> Clustered | None:
    """Return the cluster-robust standard error of a mean; `None` below two clusters.

    With the residuals e of n values, of which cluster g has n_g, the variance is
    Σ_g (Σ_{i in g} e_i)² / (1 - n_g / n) / n². Clusters of one sample each give the
    plain standard error.

    Args:
        values: one per sample.
        clusters: what each sample belongs to.
    """
    n, mean = len(values), fmean(values) if values else 0.0
    sums: dict[Hashable, float] = {}
    counts: dict[Hashable, int] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
        counts[cluster] = counts.get(cluster, 0) + 1
    if len(counts) < _LEAST:
        return None
    rest = {cluster: 1 - count / n for cluster, count in counts.items()}
    squares = math.fsum(sums[name] ** 2 / rest[name] for name in counts)
    degrees = _degrees([(counts[name] / n, rest[name]) for name in counts])
    return Clustered(math.sqrt(squares) / n, degrees, len(counts))


def _degrees(shares: Sequence[tuple[float, float]]) -> float:
    """Return the degrees of freedom of clusters with these shares of all samples.

    Imbens and Kolesár 2016, for a mean: (tr P)² / tr P² of the matrix with the
    diagonal f_g and, with r_g = f_g² / (1 - f_g), the squares r_g r_h beside it.
    """
    ratios = [share**2 / rest for share, rest in shares]
    beside = math.fsum(ratios) ** 2 - math.fsum(ratio**2 for ratio in ratios)
    return 1 / (math.fsum(share**2 for share, _ in shares) + beside)


def clustered_interval(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    confidence: float = 0.95,
) -> Interval | None:
    """Return the interval of a mean over clusters; `None` below two of them.

    Where all values are 0, or all 1, no cluster differs from another. Wilson's interval
    takes each cluster for one observation then: as far as samples of one are alike.
    """
    found = clustered_stderr(values, clusters)
    if found is None:
        return None
    if set(values) in ({0.0}, {1.0}):
        right = found.clusters * round(values[0])
        interval = wilson(right, found.clusters, confidence=confidence)
        return interval and replace(interval, method="cluster-wilson")
    half = student_t_quantile((1 + confidence) / 2, found.degrees) * found.stderr
    mean = fmean(values)
    return Interval(mean - half, mean + half, confidence, "cluster-t")
