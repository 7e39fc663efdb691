"""Several tests at once: p values that say how surprising the smallest of many is.

An adjusted p value is compared with the level as if it were the only one. Holm's (1979)
keep the chance of even one false find below the level; Benjamini and Hochberg's (1995)
keep the part of the finds that are false below it, and find more.
"""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p values, in the order given; for any dependence."""
    count, highest = len(p_values), 0.0
    adjusted = [0.0] * count
    for rank, place in enumerate(_ascending(p_values)):
        highest = max(highest, (count - rank) * p_values[place])
        adjusted[place] = min(1.0, highest)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p values of the false discovery rate, in the order given.

    For tests that are independent or depend positively on each other.
    """
    count, lowest = len(p_values), 1.0
    adjusted = [0.0] * count
    for rank, place in reversed(list(enumerate(_ascending(p_values), start=1))):
        lowest = min(lowest, p_values[place] * count / rank)
        adjusted[place] = lowest
    return adjusted


def _ascending(p_values: Sequence[float]) -> list[int]:
    """Return the places of the p values, the smallest first.

    Raises:
        ValueError: one of them is no probability.
    """
    for p in p_values:
        if not 0 <= p <= 1:
            msg = f"{p} is no p value"
            raise ValueError(msg)
    return sorted(range(len(p_values)), key=p_values.__getitem__)
