"""How many samples it takes, and what a number of samples could find at all.

Power is the chance that an interval of a confidence leaves out a bound when the truth
lies at some distance from it. All is by the normal approximation (Fleiss, Levin and
Paik 2003, "Statistical Methods for Rates and Proportions"; for pairs Connor 1987,
Biometrics 43): a plan needs no more, and tests compare it with the exact chances.
"""

import math
from statistics import NormalDist

_NORMAL = NormalDist()
_POWER = 0.8
"""Four times in five: Cohen's (1988) convention."""
_STEPS = 100


def proportion_power(
    rate: float, bound: float, n: int, *, confidence: float = 0.95
) -> float:
    """Return the chance that Wilson's interval of n samples lies on the rate's side.

    Wilson's interval leaves out a bound b where the observed rate is further than
    z sqrt(b (1 - b) / n) from it.

    Args:
        rate: the true one, strictly between 0 and 1.
        bound: what it is compared with, strictly between 0 and 1.
        n: how many samples.
        confidence: of the interval.
    """
    reach = _z(confidence) * math.sqrt(bound * (1 - bound))
    distance = abs(rate - bound) * math.sqrt(n)
    return _NORMAL.cdf((distance - reach) / math.sqrt(rate * (1 - rate)))


def samples_for_proportion(
    rate: float, bound: float, *, confidence: float = 0.95, power: float = _POWER
) -> int | None:
    """Return how many samples decide on which side of a bound a true rate lies.

    n = ((z sqrt(b (1 - b)) + z_power sqrt(r (1 - r))) / (r - b))², rounded up; `None`
    where the rate is the bound: no number of samples would do.

    Args:
        rate: the true one, 0 to 1.
        bound: what it is compared with, 0 to 1.
        confidence: of the interval.
        power: how likely the decision is wanted.
    """
    if rate == bound:
        return None
    spread = _z(confidence) * math.sqrt(bound * (1 - bound))
    spread += _NORMAL.inv_cdf(power) * math.sqrt(rate * (1 - rate))
    return max(1, math.ceil((spread / (rate - bound)) ** 2))


def samples_for_mean(
    distance: float, spread: float, *, confidence: float = 0.95, power: float = _POWER
) -> int | None:
    """Return how many samples tell a mean from a bound; `None` at no distance.

    n = ((z + z_power) s / d)²: values may be differences of pairs.

    Args:
        distance: of the true mean from the bound.
        spread: standard deviation of the values, in the unit of the distance.
        confidence: of the interval.
        power: how likely the decision is wanted.
    """
    if distance == 0:
        return None
    units = (_z(confidence) + _NORMAL.inv_cdf(power)) * spread / distance
    return max(1, math.ceil(units**2))


def detectable_mean(
    spread: float, n: int, *, confidence: float = 0.95, power: float = _POWER
) -> float:
    """Return the smallest distance of a mean that n samples find: the inverse of that.

    Args:
        spread: standard deviation of the values.
        n: how many samples, at least 1.
        confidence: of the interval.
        power: how likely it is found.
    """
    return (_z(confidence) + _NORMAL.inv_cdf(power)) * spread / math.sqrt(n)


def paired_power(
    difference: float, discordant: float, n: int, *, confidence: float = 0.95
) -> float:
    """Return the chance that McNemar's test of n samples finds a difference.

    Φ((|d| sqrt(n) - z sqrt(ψ)) / sqrt(ψ - d²)) (Connor 1987).

    Args:
        difference: of the two true rates, not 0.
        discordant: the share ψ of samples that only one has right, more than |d|.
        n: how many samples.
        confidence: one minus the level of the test.
    """
    moved = abs(difference) * math.sqrt(n) - _z(confidence) * math.sqrt(discordant)
    return _NORMAL.cdf(moved / math.sqrt(discordant - difference**2))


def samples_for_pairs(
    difference: float,
    discordant: float,
    *,
    confidence: float = 0.95,
    power: float = _POWER,
) -> int | None:
    """Return how many samples it takes to find a difference; `None` if it is 0.

    n = ((z sqrt(ψ) + z_power sqrt(ψ - d²)) / d)² (Connor 1987), rounded up.

    Args:
        difference: of the two true rates.
        discordant: the share ψ of samples that only one has right, at least |d|.
        confidence: one minus the level of the test.
        power: how likely it is found.
    """
    if difference == 0:
        return None
    spread = _z(confidence) * math.sqrt(discordant)
    spread += _NORMAL.inv_cdf(power) * math.sqrt(max(0.0, discordant - difference**2))
    return max(1, math.ceil((spread / difference) ** 2))


def detectable_pairs(
    discordant: float, n: int, *, confidence: float = 0.95, power: float = _POWER
) -> float | None:
    """Return the smallest difference of two rates that n samples find.

    A difference needs as many discordant samples as itself: where fewer were seen, all
    of them are taken to be of one side. `None` where n samples find none at all.

    Args:
        discordant: the share of samples that only one has right, as observed.
        n: how many samples.
        confidence: one minus the level of the test.
        power: how likely it is found.
    """
    low, high = 0.0, 1.0
    if _needs(high, discordant, confidence, power) > n:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle > 0 and _needs(middle, discordant, confidence, power) <= n:
            high = middle
        else:
            low = middle
    return high


def _needs(
    difference: float, discordant: float, confidence: float, power: float
) -> float:
    share = max(difference, discordant)
    needed = samples_for_pairs(difference, share, confidence=confidence, power=power)
    return math.inf if needed is None else needed


def _z(confidence: float) -> float:
    return _NORMAL.inv_cdf((1 + confidence) / 2)
