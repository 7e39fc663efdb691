"""Pairs of sides, compared on the samples that both have."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

from llmlab_pytest.comparing._sides import Side
from llmlab_pytest.metrics import Difference, MetricRegistry, difference

_LEVEL = 0.05


class Pair(NamedTuple):
    """Two sides of one task; the first is what the second is compared with."""

    first: Side
    second: Side


class Compared(NamedTuple):
    """What came out of a pair."""

    pair: Pair
    found: Difference
    left_out: int
    """How many samples only one side has, or the two from different rows."""
    corrected_p: float | None

    @property
    def is_found(self) -> bool:
        """Whether the two differ, all comparisons considered."""
        return self.corrected_p is not None and self.corrected_p <= _LEVEL

    @property
    def finds(self) -> float | None:
        """The smallest difference that would be found, where none was."""
        return None if self.is_found else self.found.detectable


def pairs_of(sides: Sequence[Side]) -> list[Pair]:
    """Return what is compared: models of one run; of several runs, what changed.

    A model of another run is compared with itself, or with all where it is new.
    """
    is_one = len({side.source for side in sides}) == 1
    has = {(side.source, side.task, side.model) for side in sides}
    pairs = []
    for first, second in combinations(sides, 2):
        if first.task != second.task:
            continue
        is_same_model = first.model == second.model
        is_new = (first.source, first.task, second.model) not in has and (
            second.source,
            second.task,
            first.model,
        ) not in has
        is_across = first.source != second.source and (is_same_model or is_new)
        if is_one or is_across:
            pairs.append(Pair(first, second))
    return pairs


def compare_pairs(
    pairs: Sequence[Pair],
    registry: MetricRegistry,
    correct: Callable[[Sequence[float]], list[float]],
    *,
    confidence: float = 0.95,
) -> list[Compared]:
    """Compare all pairs; their p values are corrected together.

    Args:
        pairs: of sides of one task each.
        registry: the metrics that sides name.
        correct: takes p values and returns the corrected ones, in the same order.
        confidence: of each interval; several are not corrected together.

    Raises:
        ConfigError: a metric is not known.
    """
    found = [_difference(pair, registry, confidence) for pair in pairs]
    tested = [n for n, each in enumerate(found) if each.found.p is not None]
    adjusted = correct([found[n].found.p or 0.0 for n in tested])
    by_place = dict(zip(tested, adjusted, strict=True))
    return [each._replace(corrected_p=by_place.get(n)) for n, each in enumerate(found)]


def _difference(pair: Pair, registry: MetricRegistry, confidence: float) -> Compared:
    """Compare on the samples that both have, from the same row."""
    first, second = pair
    ids = [{result.sample_id for result in side.results} for side in pair]
    shared = {
        name
        for name in ids[0] & ids[1]
        if name not in first.rows
        or first.rows[name] == second.rows.get(name, first.rows[name])
    }
    own, other = (
        [result for result in side.results if result.sample_id in shared]
        for side in (second, first)
    )
    clusters = {**first.clusters, **second.clusters}
    found = difference(
        second.metric, own, other, registry, confidence=confidence, clusters=clusters
    )
    return Compared(pair, found, len((ids[0] | ids[1]) - shared), None)
