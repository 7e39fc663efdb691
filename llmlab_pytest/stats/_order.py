"""The interval of a quantile, such as the median latency, from ordered values.

How many of n values lie below the true q-quantile is binomial with the chance q,
whatever the values' distribution: the ends are values by their rank (Conover 1999,
"Practical Nonparametric Statistics", 3.2).
"""

import math
from collections.abc import Sequence

from llmlab_pytest.core import Interval


def quantile_interval(
    values: Sequence[float], q: float, *, confidence: float = 0.95
) -> Interval | None:
    """Return where the true q-quantile lies; `None` if so few values have no such end.

    It covers at least as often as it says.

    Args:
        values: independent of each other.
        q: strictly between 0 and 1.
        confidence: between 0 and 1.
    """
    n = len(values)
    if n == 0:
        return None
    tail = (1 - confidence) / 2
    low, high = _binomial_quantile(tail, n, q) - 1, _binomial_quantile(1 - tail, n, q)
    if low < 0 or high >= n:
        return None
    ordered = sorted(values)
    return Interval(ordered[low], ordered[high], confidence, "order-statistics")


def _binomial_quantile(p: float, n: int, q: float) -> int:
    """Return the smallest count whose chance of being reached or less is p."""
    total = 0.0
    for count in range(n):
        log = math.lgamma(n + 1) - math.lgamma(count + 1) - math.lgamma(n - count + 1)
        total += math.exp(log + count * math.log(q) + (n - count) * math.log1p(-q))
        if total >= p:
            return count
    return n
