"""Ratios of two means of the same samples, such as dollars per right answer.

Fieller's (1954) interval holds where the linearised one is too short: where the mean
below the line is itself uncertain, as with few right answers. Its ends are the ratios r
at which the mean of x - r y is just as far from 0 as Student's t allows.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from llmlab_pytest.core import Interval
from llmlab_pytest.stats._student import student_t_quantile

_LEAST = 2


def fieller(
    above: Sequence[float], below: Sequence[float], *, confidence: float = 0.95
) -> Interval | None:
    """Return the interval of Σ above / Σ below over samples.

    Args:
        above: one value per sample, or per cluster its sum.
        below: the values of the same samples or clusters.
        confidence: between 0 and 1.

    Returns:
        `None` below two samples, and where the mean of `below` is not told from 0: the
        ratio has no bound then.
    """
    return fieller_of_tasks([(above, below)], confidence=confidence)


def fieller_of_tasks(
    tasks: Sequence[tuple[Sequence[float], Sequence[float]]],
    *,
    confidence: float = 0.95,
) -> Interval | None:
    """Return the interval of a ratio whose two means are means over tasks.

    Each task counts the same, and adds its own variance; Student's t has the degrees of
    freedom of all.

    Args:
        tasks: of each the values above and below the line.
        confidence: between 0 and 1.

    Returns:
        As `fieller`; `None` also if any task has fewer than two samples.
    """
    if min(len(above) for above, _ in tasks) < _LEAST:
        return None
    degrees = sum(len(above) - 1 for above, _ in tasks)
    t = student_t_quantile((1 + confidence) / 2, degrees)
    x, y = (fmean(map(fmean, column)) for column in zip(*tasks, strict=True))
    # t² times the variances of the means, and their covariance.
    scale = t * t / len(tasks) ** 2
    xx = scale * math.fsum(_covariance(above, above) for above, _ in tasks)
    yy = scale * math.fsum(_covariance(below, below) for _, below in tasks)
    xy = scale * math.fsum(_covariance(above, below) for above, below in tasks)
    square = y * y - yy
    if square <= 0:
        return None
    middle = x * y - xy
    root = math.sqrt(max(0.0, middle * middle - square * (x * x - xx)))
    low, high = (middle - root) / square, (middle + root) / square
    return Interval(low, high, confidence, "fieller")


def _covariance(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the covariance of two means of the same samples."""
    n, x, y = len(one), fmean(one), fmean(other)
    products = ((a - x) * (b - y) for a, b in zip(one, other, strict=True))
    return math.fsum(products) / (n * (n - 1))
