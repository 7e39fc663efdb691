"""Quantiles of Student's t distribution without scipy, whose import costs 0.9 s.

The distribution function follows from the incomplete beta function; bisection inverts
it. Agrees with scipy to 1e-9 for 1 to 10,000 degrees of freedom (tested).
"""

from functools import lru_cache

from llmlab_pytest.stats._beta import incomplete_beta

_STEPS = 200


@lru_cache(maxsize=1024)  # many intervals of one report have the same samples
def student_t_quantile(p: float, degrees: float) -> float:
    """Return t with P(T <= t) = p for `degrees` > 0, whole or not, and 0.5 <= p < 1."""
    low, high = 0.0, 1.0
    while _student_t_cdf(high, degrees) < p:
        high *= 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _student_t_cdf(middle, degrees) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _student_t_cdf(t: float, degrees: float) -> float:
    x = degrees / (degrees + t * t)
    return 1 - incomplete_beta(degrees / 2, 0.5, x) / 2
