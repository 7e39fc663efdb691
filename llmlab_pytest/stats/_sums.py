"""What a sum of further draws will be, known from draws of before."""

import math
from collections.abc import Sequence
from statistics import fmean, variance

from llmlab_pytest.core import Interval
from llmlab_pytest.stats._student import student_t_quantile

_LEAST = 2
"""One value says nothing about how values differ."""


def sum_interval(
    values: Sequence[float], count: int, *, confidence: float = 0.95
) -> Interval | None:
    """Return where the sum of `count` further values will lie; `None` for fewer than 2.

    A prediction interval: count·mean ± t·s·sqrt(count + count²/n). The first part under
    the root is the chance in the new values, the second that in the mean of the old.
    Exact for normal values; for skewed ones, as lengths of answers, a test simulates
    how often it holds.

    Source: Hahn & Meeker, "Statistical Intervals" (1991), 4.8.
    """
    n = len(values)
    if n < _LEAST:
        return None
    centre = count * fmean(values)
    t = student_t_quantile((1 + confidence) / 2, n - 1)
    half = t * math.sqrt(variance(values) * (count + count**2 / n))
    return Interval(centre - half, centre + half, confidence, "prediction")
