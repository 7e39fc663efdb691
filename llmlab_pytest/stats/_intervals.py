"""Confidence intervals for proportions and means.

Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001, eq. 4) keeps its
coverage for the small samples and the proportions near 0 and 1 that evaluations have,
where the normal approximation fails on average; Clopper and Pearson's (1934) holds it
for every proportion, and is wider for that. Clusters are in `_clustered`, pairs in
`_paired`.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean

from llmlab_pytest.core import Interval
from llmlab_pytest.stats._beta import beta_quantile
from llmlab_pytest.stats._student import student_t_quantile


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> Interval | None:
    """Return Wilson's score interval of a proportion; `None` for n = 0.

    Raises:
        ValueError: `successes` is not between 0 and `n`.
    """
    _check_count(successes, n)
    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = successes / n
    scale = 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # At 0 and n the formula gives the bound exactly; rounding must not miss it.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(low, high, confidence, "wilson")


def clopper_pearson(
    successes: int, n: int, *, confidence: float = 0.95
) -> Interval | None:
    """Return the exact interval of a proportion; `None` for n = 0.

    Of the proportions at which neither so many successes nor so few have a chance below
    (1 - confidence) / 2 (Clopper and Pearson 1934), by quantiles of the beta
    distribution. It covers at least as often as it says, whatever the proportion.

    Raises:
        ValueError: `successes` is not between 0 and `n`.
    """
    _check_count(successes, n)
    if n == 0:
        return None
    tail, failures = (1 - confidence) / 2, n - successes
    low = beta_quantile(tail, successes, failures + 1) if successes else 0.0
    high = beta_quantile(1 - tail, successes + 1, failures) if failures else 1.0
    return Interval(low, high, confidence, "clopper-pearson")


def _check_count(successes: int, n: int) -> None:
    if not 0 <= successes <= n:
        msg = f"{successes} successes of {n}"
        raise ValueError(msg)


def mean_stderr(values: Sequence[float]) -> float | None:
    """Return the standard error of the mean, s / sqrt(n) with Bessel's n - 1.

    The same as lm-eval's `mean_stderr`; `None` for fewer than two values.
    """
    n = len(values)
    if n <= 1:
        return None
    mean = fmean(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return math.sqrt(variance / n)


def pooled_stderr(parts: Sequence[Sequence[float]]) -> float | None:
    """Return the standard error of the mean over all parts, from within the parts.

    As lm-eval's `pooled_sample_stderr`: sqrt(Σᵢ (nᵢ - 1) nᵢ seᵢ² / (N - k) / N) with
    N = Σ nᵢ over k parts, where (nᵢ - 1) nᵢ seᵢ² is the sum of squares about the mean
    of part i. A part of one value adds nothing; lm-eval then gives no error at all.
    `None` unless some part has two values.
    """
    n = sum(map(len, parts))
    degrees = n - sum(bool(part) for part in parts)
    if degrees < 1:
        return None
    means = [fmean(part) if part else 0.0 for part in parts]
    squares = math.fsum(
        (value - mean) ** 2
        for part, mean in zip(parts, means, strict=True)
        for value in part
    )
    return math.sqrt(squares / degrees / n)


def student_t(values: Sequence[float], *, confidence: float = 0.95) -> Interval | None:
    """Return Student's t interval of a mean; `None` for fewer than two values."""
    stderr = mean_stderr(values)
    if stderr is None:
        return None
    half = student_t_quantile((1 + confidence) / 2, len(values) - 1) * stderr
    mean = fmean(values)
    return Interval(mean - half, mean + half, confidence, "student-t")


def normal(
    value: float, stderr: float, *, confidence: float = 0.95, method: str
) -> Interval:
    """Return the normal interval of an estimate whose standard error is known.

    Args:
        value: the estimate.
        stderr: its standard error.
        confidence: between 0 and 1.
        method: how the standard error was found.
    """
    half = NormalDist().inv_cdf((1 + confidence) / 2) * stderr
    return Interval(value - half, value + half, confidence, method)


def ratio_interval(
    values: Sequence[float], weights: Sequence[float], *, confidence: float = 0.95
) -> Interval | None:
    """Return the interval of Σ wv / Σ w over samples; `None` for fewer than two.

    A ratio of two means, by linearisation (Cochran 1977, Sampling Techniques, eq.
    6.13) with Student's t: a sample is drawn with its weight, so that the parts of one
    sample are no independent observations. Equal weights give `student_t`.
    """
    if len(values) <= 1:
        return None
    ratio = fmean(values, weights)
    pairs = zip(values, weights, strict=True)
    residuals = [weight * (value - ratio) for value, weight in pairs]
    stderr = (mean_stderr(residuals) or 0.0) / fmean(weights)
    half = student_t_quantile((1 + confidence) / 2, len(values) - 1) * stderr
    return Interval(ratio - half, ratio + half, confidence, "ratio-t")


def quantile(values: Sequence[float], q: float) -> float | None:
    """Return the `q`-quantile with linear interpolation, as numpy's default."""
    if not values:
        return None
    ordered = sorted(values)
    position = q * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
