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
    n = len(above)
    if n < _LEAST:
        return None
    x, y = fmean(above), fmean(below)
    t = student_t_quantile((1 + confidence) / 2, n - 1)
    # t² times the variances of the means, and their covariance.
    scale = t * t / (n * (n - 1))
    xx = scale * math.fsum((value - x) ** 2 for value in above)
    yy = scale * math.fsum((value - y) ** 2 for value in below)
    pairs = zip(above, below, strict=True)
    xy = scale * math.fsum((one - x) * (other - y) for one, other in pairs)
    square = y * y - yy
    if square <= 0:
        return None
    middle = x * y - xy
    root = math.sqrt(max(0.0, middle * middle - square * (x * x - xx)))
    low, high = (middle - root) / square, (middle + root) / square
    return Interval(low, high, confidence, "fieller")
