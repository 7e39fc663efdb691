"""Efron's interval of a measure of all samples: the bootstrap, corrected twice.

"BCa" (Efron 1987, JASA 82) corrects for the bias of a measure and for how its
spread changes with its value; a normal interval does neither. Measures are functions of
sums over samples. The two of a pair are drawn together: give what a sample adds to the
sums of both, and the difference of the two measures as statistic.
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

from llmlab_pytest.core import Interval
from llmlab_pytest.stats._bootstrap import drawn_statistics
from llmlab_pytest.stats._corpus import Sums
from llmlab_pytest.stats._intervals import quantile

_LEAST = 2


def bca_interval(
    addends: Sequence[Sums],
    statistic: Callable[[Sums], float],
    *,
    draws: int = 10_000,
    confidence: float = 0.95,
) -> Interval | None:
    """Return the interval of a function of sums; `None` where draws do not differ.

    Args:
        addends: what each sample adds to each sum.
        statistic: from the sums to the number.
        draws: how often samples are drawn anew; the ends of a 95 % interval rest on
            the outermost fortieth of them.
        confidence: between 0 and 1.

    Raises:
        MissingDependency: numpy is not installed.
    """
    if len(addends) < _LEAST:
        return None
    found = drawn_statistics(addends, statistic, draws=draws)
    value, left_out = _jackknife(addends, statistic)
    ends = _corrected_ends(found, value, left_out, confidence)
    if ends is None:
        return None
    low, high = (quantile(found, end) for end in ends)
    if low is None or high is None:
        return None
    return Interval(low, high, confidence, "bootstrap-bca")


def _jackknife(
    addends: Sequence[Sums], statistic: Callable[[Sums], float]
) -> tuple[float, list[float]]:
    """Return the measure of all samples, and of all but each."""
    totals = [math.fsum(column) for column in zip(*addends, strict=True)]
    rest = (
        [total - own for total, own in zip(totals, sample, strict=True)]
        for sample in addends
    )
    return statistic(totals), [statistic(sums) for sums in rest]


def _corrected_ends(
    found: Sequence[float], value: float, left_out: Sequence[float], confidence: float
) -> tuple[float, float] | None:
    """Return which quantiles of the draws are the ends of the interval."""
    normal = NormalDist()
    below = sum(drawn < value for drawn in found)
    ties = sum(drawn == value for drawn in found)
    share = (below + ties / 2) / len(found)
    if not 0 < share < 1 or ties == len(found):
        return None
    bias = normal.inv_cdf(share)
    centre = math.fsum(left_out) / len(left_out)
    apart = [centre - own for own in left_out]
    spread = math.fsum(own**2 for own in apart)
    skew = math.fsum(own**3 for own in apart)
    acceleration = skew / (6 * spread**1.5) if spread > 0 else 0.0

    def end(p: float) -> float:
        moved = bias + normal.inv_cdf(p)
        return normal.cdf(bias + moved / (1 - acceleration * moved))

    tail = (1 - confidence) / 2
    return end(tail), end(1 - tail)
