"""Two models or two runs on the same samples: what differs, and is it more than chance?

For right and wrong, wins are samples that only the first has right, losses those that
only the second has right: McNemar's test (1947) in its exact form and its mid-p form
(Fagerland, Lydersen and Laake 2013), and Tango's score interval (1998) of the
difference, which holds at small n and where no sample differs. For other values, the
test that flips signs (Fisher 1935): if the two were the same, each difference were as
likely with the other sign.
"""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

from llmlab_pytest.core import Interval

_UNITS = 1 << 40
"""The largest difference has so many units: sums of whole numbers have no rounding."""
_MOST_STATES, _MOST_STEPS = 1 << 16, 1 << 22
"""An exact test holds so many different sums, and adds so often: about two seconds."""
_STEPS = 100


class Flipped(NamedTuple):
    """What the sign-flip test found."""

    p: float
    """The two-sided p value."""
    stderr: float | None
    """Of a p value that was drawn; `None` for one that was counted."""


def mcnemar(wins: int, losses: int, *, is_mid: bool = False) -> float:
    """Return the two-sided p value of McNemar's exact conditional test.

    Given how many samples differ, wins are binomial with the chance 1/2. The mid-p
    value counts only half of the chance of what was seen: it rejects as often as it
    says, where the exact one rejects less.

    Raises:
        ValueError: a count is negative.
    """
    if min(wins, losses) < 0:
        msg = f"{wins} wins and {losses} losses"
        raise ValueError(msg)
    n, fewer = wins + losses, min(wins, losses)
    # Whole numbers to the end: 2 to the power of n has no float.
    at_most = seen = 1
    for k in range(fewer):
        seen = seen * (n - k) // (k + 1)
        at_most += seen
    count = 2 * at_most - seen if is_mid else min(2 * at_most, 1 << n)
    return count / (1 << n)


def tango(
    wins: int, losses: int, n: int, *, confidence: float = 0.95
) -> Interval | None:
    """Return the interval of the difference of two proportions of the same n samples.

    The differences at which Tango's score statistic stays within the normal quantile
    (Tango 1998, Statistics in Medicine 17); its ends are found by bisection. `None`
    for n = 0.

    Args:
        wins: of how many samples only the first is right.
        losses: of how many only the second is.
        n: of all samples.
        confidence: between 0 and 1.

    Raises:
        ValueError: there are more wins and losses than samples, or fewer than none.
    """
    if min(wins, losses) < 0 or wins + losses > n:
        msg = f"{wins} wins and {losses} losses of {n}"
        raise ValueError(msg)
    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return Interval(
        -_tango_end(losses, wins, n, z),
        _tango_end(wins, losses, n, z),
        confidence,
        "tango",
    )


def _tango_end(wins: int, losses: int, n: int, z: float) -> float:
    """Return the largest difference whose statistic is not below -z."""
    low, high = (wins - losses) / n, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _tango_score(middle, wins, losses, n) >= -z:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _tango_score(difference: float, wins: int, losses: int, n: int) -> float:
    """Return the score statistic of a difference between -1 and 1."""
    b = (2 * n - wins + losses) * difference - wins - losses
    c = -losses * difference * (1 - difference)
    # The likeliest share of losses, given the difference: a root of 2n q² + b q + c.
    share = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    distance = wins - losses - n * difference
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def sign_flip(
    differences: Sequence[float], *, draws: int = 20_000, seed: int = 0
) -> Flipped:
    """Test whether differences are as likely to be of either sign.

    Exact, over all 2^n signs, as long as their sums take few enough values: always for
    up to 16 differences, and for many more where they are multiples of each other, as
    means of epochs are. Else signs are drawn, what was seen counts as one of the draws
    (Phipson and Smyth 2010), and the standard error of the p value is told.

    Args:
        differences: first minus second, one per sample.
        draws: how often signs are drawn.
        seed: of the draws: the same differences always have the same p value.
    """
    largest = max(map(abs, differences), default=0.0)
    if largest <= 0:
        return Flipped(1.0, None)
    whole = [round(value / largest * _UNITS) for value in differences]
    # Rounding moves a sum by at most half a unit per difference.
    seen = abs(sum(whole)) - len(whole)
    sizes = Counter(abs(unit) for unit in whole if unit)
    if len(sizes) == 1:  # the same test, counted at once
        wins = sum(unit > 0 for unit in whole)
        return Flipped(mcnemar(wins, sizes.total() - wins), None)
    chances = _sums_of_signs(sizes)
    if chances is not None:
        p = math.fsum(chance for total, chance in chances.items() if total >= seen)
        return Flipped(min(1.0, p), None)
    drawn = random.Random(seed)
    # A count of c differences of one size sums to units * (2 * heads - c).
    reached = sum(
        abs(sum(_draw(drawn, units, count) for units, count in sizes.items())) >= seen
        for _ in range(draws)
    )
    p = (reached + 1) / (draws + 1)
    return Flipped(p, math.sqrt(p * (1 - p) / draws))


def _draw(drawn: random.Random, units: int, count: int) -> int:
    return units * (2 * drawn.getrandbits(count).bit_count() - count)


def _sums_of_signs(sizes: Mapping[int, int]) -> dict[int, float] | None:
    """Return the chance of each absolute sum; `None` if there are too many."""
    chances, steps = {0: 1.0}, 0
    for units in Counter(sizes).elements():
        following: dict[int, float] = {}
        for total, chance in chances.items():
            for moved in (total + units, abs(total - units)):
                following[moved] = following.get(moved, 0.0) + chance / 2
        chances = following
        steps += len(chances)
        if len(chances) > _MOST_STATES or steps > _MOST_STEPS:
            return None
    return chances
