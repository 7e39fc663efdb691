"""How far two raters, or several, say the same beyond what chance gives.

Cohen's kappa for two raters of classes (Cohen 1960, weighted 1968), with the standard
error of Fleiss, Cohen and Everitt (1969); Krippendorff's alpha for any number of raters
of numbers, of whom some may be missing (Krippendorff 2011).
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from statistics import NormalDist, fmean
from typing import Literal, NamedTuple

from llmlab_pytest.core import Interval
from llmlab_pytest.stats._intervals import wilson

Weights = Literal["none", "linear", "quadratic"]
_LEAST_FOR_R = 2
_LEAST_FOR_Z = 4
"""Fisher's z has the variance 1 / (n - 3)."""


class Kappa(NamedTuple):
    """Agreement of two raters."""

    value: float
    interval: Interval | None
    """`None` where one of the raters always says the same."""


class ClassAgreement(NamedTuple):
    """How one rater finds what another calls a class."""

    name: Hashable
    true: int
    """How many the reference says."""
    found: int
    """How many the rater says."""
    both: int
    precision: Interval | None
    """Of what the rater calls so, the part that is; `None`: it never does."""
    recall: Interval | None
    """Of what is, the part that the rater calls so; `None`: there is none."""


def cohen_kappa(
    pairs: Sequence[tuple[Hashable, Hashable]],
    classes: Sequence[Hashable],
    *,
    weights: Weights = "none",
    confidence: float = 0.95,
) -> Kappa | None:
    """Return kappa of two raters; `None` where chance alone would agree always.

    Args:
        pairs: what both say of each case.
        classes: all classes, in their order where weights are used.
        weights: what near misses count: nothing, or by their distance.
        confidence: of the interval.

    Raises:
        ValueError: there are no pairs, or a rating is none of the classes.
    """
    if not pairs:
        raise ValueError("no pairs")
    shares = _table(pairs, classes)
    count = len(classes)
    agree = _weights(count, weights)
    rows = [math.fsum(row) for row in shares]
    columns = [math.fsum(row[j] for row in shares) for j in range(count)]
    cells = [(i, j) for i in range(count) for j in range(count)]
    seen = math.fsum(agree[i][j] * shares[i][j] for i, j in cells)
    chance = math.fsum(agree[i][j] * rows[i] * columns[j] for i, j in cells)
    if math.isclose(chance, 1.0):
        return None
    kappa = (seen - chance) / (1 - chance)
    by_row = [_dot(columns, agree[i]) for i in range(count)]
    by_column = [_dot(rows, [row[j] for row in agree]) for j in range(count)]
    spread = math.fsum(
        shares[i][j] * (agree[i][j] - (by_row[i] + by_column[j]) * (1 - kappa)) ** 2
        for i, j in cells
    )
    variance = spread - (kappa - chance * (1 - kappa)) ** 2
    variance /= len(pairs) * (1 - chance) ** 2
    if variance <= 0:
        return Kappa(kappa, None)
    half = _z(confidence) * math.sqrt(variance)
    low, high = max(-1.0, kappa - half), min(1.0, kappa + half)
    return Kappa(kappa, Interval(low, high, confidence, "fleiss-cohen-everitt"))


def class_agreement(
    pairs: Sequence[tuple[Hashable, Hashable]], classes: Sequence[Hashable]
) -> list[ClassAgreement]:
    """Return, for each class, how the second of each pair finds the first.

    Precision and recall are Wilson's intervals; their centre is both / found and both /
    true.
    """
    found = []
    for name in classes:
        true = sum(one == name for one, _ in pairs)
        said = sum(other == name for _, other in pairs)
        both = sum(one == other == name for one, other in pairs)
        found.append(
            ClassAgreement(
                name, true, said, both, wilson(both, said), wilson(both, true)
            )
        )
    return found


def krippendorff_alpha(units: Sequence[Sequence[float]]) -> float | None:
    """Return alpha for numbers on an interval scale; for 0 and 1 that is the nominal.

    Args:
        units: the ratings of each case, those that are there.

    Returns:
        1 for perfect agreement, 0 for chance; `None` where all ratings are the same, or
        no case has two.
    """
    paired = [unit for unit in units if len(unit) > 1]
    values = [value for unit in paired for value in unit]
    n = len(values)
    by_chance = _square_differences(values) / (n * (n - 1)) if n > 1 else 0.0
    if math.isclose(by_chance, 0.0, abs_tol=1e-12):
        return None
    observed = math.fsum(_square_differences(unit) / (len(unit) - 1) for unit in paired)
    return 1 - observed / n / by_chance


def correlation(
    pairs: Sequence[tuple[float, float]], *, confidence: float = 0.95
) -> tuple[float, Interval | None] | None:
    """Return Pearson's r with Fisher's interval; `None` where one side is constant."""
    if len(pairs) < _LEAST_FOR_R:
        return None
    mean_x, mean_y = fmean(x for x, _ in pairs), fmean(y for _, y in pairs)
    xx = math.fsum((x - mean_x) ** 2 for x, _ in pairs)
    yy = math.fsum((y - mean_y) ** 2 for _, y in pairs)
    xy = math.fsum((x - mean_x) * (y - mean_y) for x, y in pairs)
    if math.isclose(xx * yy, 0.0, abs_tol=1e-15):
        return None
    r = max(-1.0, min(1.0, xy / math.sqrt(xx * yy)))
    if len(pairs) < _LEAST_FOR_Z or abs(r) == 1.0:
        return r, None
    half = _z(confidence) / math.sqrt(len(pairs) - 3)
    low, high = math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
    return r, Interval(low, high, confidence, "fisher-z")


def _table(
    pairs: Sequence[tuple[Hashable, Hashable]], classes: Sequence[Hashable]
) -> list[list[float]]:
    """Return the share of each pair of classes."""
    places: Mapping[Hashable, int] = {name: n for n, name in enumerate(classes)}
    counts = [[0] * len(classes) for _ in classes]
    for one, other in pairs:
        if one not in places or other not in places:
            msg = f"{one!r} or {other!r} is none of {list(classes)}"
            raise ValueError(msg)
        counts[places[one]][places[other]] += 1
    return [[count / len(pairs) for count in row] for row in counts]


def _weights(count: int, weights: Weights) -> list[list[float]]:
    """Return how much each class counts as agreeing with each other one."""
    if weights == "none":
        return [[float(i == j) for j in range(count)] for i in range(count)]
    power = 1 if weights == "linear" else 2
    return [
        [1 - (abs(i - j) / max(1, count - 1)) ** power for j in range(count)]
        for i in range(count)
    ]


def _square_differences(values: Sequence[float]) -> float:
    """Return the sum of (a - b)² over all ordered pairs."""
    n, total = len(values), math.fsum(values)
    return max(0.0, 2 * n * math.fsum(v * v for v in values) - 2 * total * total)


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(one, other, strict=True))


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
