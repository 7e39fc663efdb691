"""What differs between two sets of results on the same samples.

A mean is compared sample by sample: where all differences are of one size, as for right
and wrong, by Tango's interval and McNemar's exact test, else by Student's interval of
the differences and the test that flips their signs. A measure of all samples together,
as BLEU or a perplexity, is compared by drawing samples of both together (Efron's BCa)
and by swapping them. A total or a quantile has no interval: only its two values.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean, stdev

from llmlab_pytest.core import Interval, SampleResult, Share
from llmlab_pytest.metrics._clusters import Clusters
from llmlab_pytest.metrics._corpus import shares_by_sample
from llmlab_pytest.metrics._metrics import (
    ACCURACY,
    MetricRegistry,
    SampleValue,
    compute,
    sample_values,
)
from llmlab_pytest.metrics._perplexity import SCALES, Scale
from llmlab_pytest.stats import (
    CORPUS_STATISTICS,
    Sums,
    SumsFunction,
    bca_interval,
    clustered_interval,
    clustered_stderr,
    detectable_mean,
    detectable_pairs,
    sign_flip,
    student_t,
    swap_test,
    tango,
)

_LEAST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One metric of two sets of results, first minus second."""

    metric: str
    first: float | None
    second: float | None
    value: float | None
    """`None` where either has no value."""
    n: int
    """How many samples both have a value of."""
    is_paired: bool
    """Whether it was compared sample by sample: a total has two values and no more."""
    interval: Interval | None = None
    p: float | None = None
    """Two-sided; `None` where nothing was paired."""
    wins: tuple[str, ...] = ()
    """Ids of the samples whose value is higher in the first."""
    losses: tuple[str, ...] = ()
    """Ids of those whose value is lower."""
    detectable: float | None = None
    """The smallest difference that so many samples find four times in five."""

    @property
    def ties(self) -> int:
        """How many samples have the same value in both."""
        return self.n - len(self.wins) - len(self.losses)


def difference(
    name: str,
    first: Sequence[SampleResult],
    second: Sequence[SampleResult],
    registry: MetricRegistry,
    *,
    confidence: float = 0.95,
    clusters: Clusters | None = None,
) -> Difference:
    """Compare two sets of results of the same samples by one metric.

    Samples that only one of them has a value of are left out of a pairing.

    Args:
        name: of the metric.
        first: of one task and model.
        second: of the same task on another model, or in another run.
        registry: the known metrics.
        confidence: of the interval.
        clusters: the cluster of each sample, by its id, where any are declared: they
            win or lose together, and are drawn together.

    Raises:
        ConfigError: neither a metric nor a scorer is called so.
        MissingDependency: a measure of all samples is compared and numpy is missing.
    """
    ones, others = shares_by_sample(first, name), shares_by_sample(second, name)
    together = clusters or {}
    if both := [key for key in ones if key in others]:
        shares = [(ones[key], others[key]) for key in both]
        names = [together.get(key, key) for key in both]
        found = _of_shares(name, shares, names, confidence)
        return _with_sides(found, _paired_values(first, second, name))
    scale = SCALES.get(name)
    if name in registry and name != ACCURACY and scale is None:
        return _of_totals(name, first, second, registry)
    values = _paired_values(first, second, scale.scorer if scale else name)
    if not values:
        found = _of_totals(name, first, second, registry)
        return replace(found, value=None, n=0, is_paired=True)
    pairs, names = list(values.values()), [together.get(key, key) for key in values]
    if scale is not None or any(a.weight != 1 or b.weight != 1 for a, b in pairs):
        found = _of_ratios(name, pairs, scale, names, confidence)
    else:
        found = _of_means(name, pairs, names, confidence)
    return _with_sides(found, values)


_Values = Mapping[str, tuple[SampleValue, SampleValue]]


def _paired_values(
    first: Sequence[SampleResult], second: Sequence[SampleResult], scorer: str
) -> _Values:
    ones, others = sample_values(first, scorer), sample_values(second, scorer)
    return {key: (ones[key], others[key]) for key in ones if key in others}


def _with_sides(found: Difference, values: _Values) -> Difference:
    """Add which samples are higher on which side."""
    sides = {key: one.value - other.value for key, (one, other) in values.items()}
    return replace(
        found,
        wins=tuple(key for key, side in sides.items() if side > 0),
        losses=tuple(key for key, side in sides.items() if side < 0),
    )


def _of_totals(
    name: str,
    first: Sequence[SampleResult],
    second: Sequence[SampleResult],
    registry: MetricRegistry,
) -> Difference:
    one, other = (compute(name, results, registry) for results in (first, second))
    value = None
    if one.value is not None and other.value is not None:
        value = one.value - other.value
    return Difference(
        metric=name,
        first=one.value,
        second=other.value,
        value=value,
        n=min(one.n, other.n),
        is_paired=False,
    )


def _of_means(
    name: str,
    pairs: Sequence[tuple[SampleValue, SampleValue]],
    clusters: Sequence[str],
    confidence: float,
) -> Difference:
    apart = [one.value - other.value for one, other in pairs]
    interval, detectable = _of_apart(apart, clusters, confidence)
    return Difference(
        metric=name,
        first=fmean(one.value for one, _ in pairs),
        second=fmean(other.value for _, other in pairs),
        value=fmean(apart),
        n=len(apart),
        is_paired=True,
        interval=interval,
        p=sign_flip(_sums(apart, clusters)).p,
        detectable=detectable,
    )


def difference_interval(
    apart: Sequence[float], clusters: Sequence[str], *, confidence: float = 0.95
) -> Interval | None:
    """Return the interval of a mean difference of samples, as `difference` has it.

    Args:
        apart: one minus the other, one per sample; at least one.
        clusters: what each sample belongs to; its own name where to nothing.
        confidence: between 0 and 1.

    Returns:
        `None` for clusters that do not differ from each other, yet from 0.
    """
    sums, sizes = _sums(apart, clusters), {abs(value) for value in apart if value}
    if len(sums) < len(apart) and sizes:
        return _of_clusters(apart, clusters, confidence)[0]
    if len(sizes) <= 1:
        return _interval_of_one_size(sums, sizes, confidence)
    return student_t(apart, confidence=confidence)


def _of_apart(
    apart: Sequence[float], clusters: Sequence[str], confidence: float
) -> tuple[Interval | None, float | None]:
    """Return the interval of the mean, and the smallest that would be found."""
    sums = _sums(apart, clusters)
    n, sizes = len(apart), {abs(value) for value in apart if value}
    if len(sums) < n and sizes:
        return _of_clusters(apart, clusters, confidence)
    if len(sizes) <= 1:  # clusters without a difference count once each
        return _of_one_size(sums, sizes, confidence)
    interval = student_t(apart, confidence=confidence)
    return interval, detectable_mean(stdev(apart), n, confidence=confidence)


def _sums(values: Sequence[float], clusters: Sequence[str]) -> list[float]:
    """Return the sum of each cluster: under chance its sign flips as a whole."""
    sums: dict[str, list[float]] = {}
    for value, name in zip(values, clusters, strict=True):
        sums.setdefault(name, []).append(value)
    return [math.fsum(members) for members in sums.values()]


def _of_clusters(
    apart: Sequence[float], clusters: Sequence[str], confidence: float
) -> tuple[Interval | None, float | None]:
    """Return interval and detectable difference where samples come in clusters.

    None where clusters do not differ from each other: what they would do is unknown.
    """
    found = clustered_stderr(apart, clusters)
    if found is None or math.isclose(found.stderr, 0.0, abs_tol=1e-12):
        return None, None
    interval = clustered_interval(apart, clusters, confidence=confidence)
    # A spread of sqrt(n) errors over n samples is that error.
    return interval, detectable_mean(found.stderr, 1, confidence=confidence)


def _of_one_size(
    apart: Sequence[float], sizes: set[float], confidence: float
) -> tuple[Interval | None, float | None]:
    """Return interval and detectable difference where each sample wins, loses or ties.

    Student's interval would be too short there, and none where no sample differs.
    """
    distance = next(iter(sizes), 1.0)
    n, discordant = len(apart), sum(value != 0 for value in apart)
    share = detectable_pairs(discordant / n, n, confidence=confidence)
    interval = _interval_of_one_size(apart, sizes, confidence)
    return interval, None if share is None else distance * share


def _interval_of_one_size(
    apart: Sequence[float], sizes: set[float], confidence: float
) -> Interval | None:
    distance = next(iter(sizes), 1.0)
    wins = sum(value > 0 for value in apart)
    losses = sum(value < 0 for value in apart)
    interval = tango(wins, losses, len(apart), confidence=confidence)
    if interval is None:
        return None
    return replace(interval, low=distance * interval.low, high=distance * interval.high)


def _of_shares(
    name: str,
    pairs: Sequence[tuple[Share, Share]],
    clusters: Sequence[str],
    confidence: float,
) -> Difference:
    measure = CORPUS_STATISTICS[pairs[0][0].statistic]
    addends = [(one.addends, other.addends) for one, other in pairs]
    return _of_sums(name, addends, measure.of_sums, clusters, confidence)


def _of_ratios(
    name: str,
    pairs: Sequence[tuple[SampleValue, SampleValue]],
    scale: Scale | None,
    clusters: Sequence[str],
    confidence: float,
) -> Difference:
    """Compare weighted means, or what is made of them: of Σ wv and Σ w."""
    addends = [
        ((a.value * a.weight, a.weight), (b.value * b.weight, b.weight))
        for a, b in pairs
    ]

    def statistic(sums: Sums) -> float:
        mean = sums[0] / sums[1]
        return scale.of_mean(mean) if scale else mean

    return _of_sums(name, addends, statistic, clusters, confidence)


def _of_sums(
    name: str,
    pairs: Sequence[tuple[Sums, Sums]],
    statistic: SumsFunction,
    clusters: Sequence[str],
    confidence: float,
) -> Difference:
    """Compare a function of sums; what is drawn and swapped are whole clusters."""
    width = len(pairs[0][0])
    members: dict[str, list[Sums]] = {}
    for (one, other), name_of_cluster in zip(pairs, clusters, strict=True):
        members.setdefault(name_of_cluster, []).append((*one, *other))
    addends = [
        tuple(map(math.fsum, zip(*own, strict=True))) for own in members.values()
    ]
    totals = [math.fsum(column) for column in zip(*addends, strict=True)]
    first, second = statistic(totals[:width]), statistic(totals[width:])
    interval = detectable = p = None
    if len(addends) >= _LEAST:
        interval = bca_interval(
            addends,
            lambda sums: statistic(sums[:width]) - statistic(sums[width:]),
            confidence=confidence,
        )
        swapped = [(own[:width], own[width:]) for own in addends]
        p = swap_test(swapped, statistic).p
    if interval is not None:
        normal = NormalDist()
        reach = normal.inv_cdf((1 + confidence) / 2)
        stderr = (interval.high - interval.low) / 2 / reach
        detectable = (reach + normal.inv_cdf(0.8)) * stderr
    return Difference(
        metric=name,
        first=first,
        second=second,
        value=first - second,
        n=len(pairs),
        is_paired=True,
        interval=interval,
        p=p,
        detectable=detectable,
    )
