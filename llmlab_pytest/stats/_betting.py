"""A mean that is looked at after every sample: an interval that holds at all times.

To look again and again and stop when an interval happens to leave out a number makes
ordinary intervals wrong far more often than they say. This one, by betting, holds at
all times together (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random
variables by betting": the hedged capital with predictable plug-in bets).

Somebody bets against the claim that the mean is at most m, on values between 0 and 1:
a unit of money becomes Π (1 + λᵢ (xᵢ - m)), where λᵢ depends on earlier values only. If
the claim is true, the money has a mean of at most 1, and reaches 1 / p at any time with
a chance of at most p (Ville 1939). Samples must come in random order.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from llmlab_pytest.core import Interval

_MOST_AT_STAKE = 0.75
"""The part of the capital that one value can lose: it never reaches nothing."""
_STEPS = 40
"""Of the bisection: the ends are exact to 1e-12."""


class Decision(NamedTuple):
    """On which side of a bound a mean is, and when that was known."""

    side: Literal["above", "below"]
    n: int
    """After so many values."""


def decide_side(
    values: Sequence[float], bound: float, *, confidence: float = 0.95
) -> Decision | None:
    """Return where a mean is shown to be, as soon as it is; `None`: not yet.

    A mean that is the bound is wrongly put on either side with a chance of at most
    (1 - confidence) / 2 each, however long values come in.

    Args:
        values: between 0 and 1, in the order they were drawn.
        bound: strictly between 0 and 1.
        confidence: between 0 and 1.
    """
    bets = list(_bets(values, confidence))
    above = _reached(values, bets, bound, confidence)
    mirrored = [1 - value for value in values]
    below = _reached(mirrored, bets, 1 - bound, confidence)
    if above is not None and (below is None or above <= below):
        return Decision("above", above)
    return None if below is None else Decision("below", below)


def betting_interval(
    values: Sequence[float], *, confidence: float = 0.95
) -> Interval | None:
    """Return the means that no bet has ruled out at any time; `None` without values.

    Args:
        values: between 0 and 1, in the order they were drawn.
        confidence: that all intervals of a growing sample hold together.
    """
    if not values:
        return None
    bets = list(_bets(values, confidence))
    low = _end(values, bets, confidence)
    high = 1 - _end([1 - value for value in values], bets, confidence)
    return Interval(low, max(low, high), confidence, "betting")


def _end(values: Sequence[float], bets: Sequence[float], confidence: float) -> float:
    """Return the largest m of which it is known that the mean is not below it.

    The capital falls as m grows, so that bisection finds where it just suffices.
    """
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _reached(values, bets, middle, confidence) is None:
            high = middle
        else:
            low = middle
    return low


def _reached(
    values: Sequence[float], bets: Sequence[float], bound: float, confidence: float
) -> int | None:
    """Return after how many values the bet against "at most the bound" has won."""
    wanted, capital = math.log(2 / (1 - confidence)), 0.0
    most = _MOST_AT_STAKE / bound
    for n, (value, bet) in enumerate(zip(values, bets, strict=True), start=1):
        capital += math.log1p(min(bet, most) * (value - bound))
        if capital >= wanted:
            return n
    return None


def _bets(values: Sequence[float], confidence: float) -> Iterator[float]:
    """Yield what is put at stake before each value, by the values before it.

    λ_t = sqrt(2 log(1 / p) / (v t log(1 + t))), with v the variance as it is estimated
    from one imagined value of 1/2 and variance 1/4, and the values so far.
    """
    scale = 2 * math.log(2 / (1 - confidence))
    total, squares = 0.5, 0.25
    for t, value in enumerate(values, start=1):
        # v is squares / t, and times t its squares.
        yield math.sqrt(scale / (squares * math.log(1 + t)))
        total += value
        squares += (value - total / (t + 1)) ** 2
