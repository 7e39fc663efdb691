"""From which value on two things count as the same: a threshold, and how it errs.

The threshold with the fewest errors of both kinds (Youden 1950: least false accepts
plus false rejects), or the lowest that keeps false accepts rare enough. The rates on
the very pairs that chose it are too good, so it is also chosen on nine tenths of them
and tried on the last, by turns.
"""

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from llmlab_pytest.core import Interval
from llmlab_pytest.stats._intervals import wilson

_FOLDS = 10
_SEED = 1234

Judged = tuple[float, bool]
"""A value, and whether the two things are the same."""


class Errors(NamedTuple):
    """How often a threshold errs, with Wilson's intervals."""

    false_accepts: int
    different: int
    false_rejects: int
    same: int

    @property
    def accept_interval(self) -> Interval | None:
        """Of the part of different pairs that pass; `None` without any."""
        return wilson(self.false_accepts, self.different)

    @property
    def reject_interval(self) -> Interval | None:
        """Of the part of same pairs that fail; `None` without any."""
        return wilson(self.false_rejects, self.same)


class Threshold(NamedTuple):
    """A threshold: values from it on pass."""

    value: float
    errors: Errors
    """On the pairs that chose it: too good."""
    tried: Errors
    """On pairs that did not choose it, by turns."""
    auc: float
    """The probability that a same pair has a higher value than a different one."""


def best_threshold(
    pairs: Sequence[Judged], *, most_false_accepts: float | None = None
) -> Threshold:
    """Return the threshold that separates same pairs from different ones best.

    Args:
        pairs: values, and whether people call them the same; some of both.
        most_false_accepts: the part of different pairs that may pass, at most; `None`:
            both errors weigh the same.

    Raises:
        ValueError: all pairs are the same, or all different.
    """
    value = _chosen(pairs, most_false_accepts)
    return Threshold(
        value=value,
        errors=_errors(pairs, value),
        tried=_tried(pairs, most_false_accepts),
        auc=_auc(pairs),
    )


def _chosen(pairs: Sequence[Judged], most_false_accepts: float | None) -> float:
    """Return the middle of the gap with the fewest errors; of several the highest."""
    same = sum(is_same for _, is_same in pairs)
    different = len(pairs) - same
    if not same or not different:
        msg = f"{same} same and {different} different pairs"
        raise ValueError(msg)
    ordered = sorted({value for value, _ in pairs}, reverse=True)
    # Above all of them nothing passes, which keeps every bound on false accepts.
    least, chosen = 1.0, math.nextafter(ordered[0], math.inf)
    for higher, lower in zip(ordered, [*ordered[1:], ordered[-1]], strict=True):
        middle = (higher + lower) / 2
        found = _errors(pairs, middle)
        accepts, rejects = found.false_accepts / different, found.false_rejects / same
        if most_false_accepts is not None and accepts > most_false_accepts:
            break
        errors = rejects if most_false_accepts is not None else accepts + rejects
        if errors < least:
            least, chosen = errors, middle
    return chosen


def _errors(pairs: Sequence[Judged], threshold: float) -> Errors:
    same = [value for value, is_same in pairs if is_same]
    different = [value for value, is_same in pairs if not is_same]
    return Errors(
        sum(value >= threshold for value in different),
        len(different),
        sum(value < threshold for value in same),
        len(same),
    )


def _tried(pairs: Sequence[Judged], most_false_accepts: float | None) -> Errors:
    """Choose on all folds but one and try on that, by turns, and add up."""
    shuffled = _by_turns(pairs)
    total = [0, 0, 0, 0]
    for fold in range(_FOLDS):
        held = shuffled[fold::_FOLDS]
        rest = [pair for n, pair in enumerate(shuffled) if n % _FOLDS != fold]
        if not held or len({is_same for _, is_same in rest}) < len((True, False)):
            continue
        found = _errors(held, _chosen(rest, most_false_accepts))
        total = [sum(each) for each in zip(total, found, strict=True)]
    return Errors(*total)


def _by_turns(pairs: Sequence[Judged]) -> list[Judged]:
    """Return the pairs in an order that spreads both kinds over all folds."""
    drawn = list(pairs)
    random.Random(_SEED).shuffle(drawn)
    return sorted(drawn, key=lambda pair: pair[1])


def _auc(pairs: Sequence[Judged]) -> float:
    """Return Mann-Whitney's U over all pairs of pairs; ties count one half."""
    same = [value for value, is_same in pairs if is_same]
    different = sorted(value for value, is_same in pairs if not is_same)
    wins = 0
    for value in same:
        wins += bisect_left(different, value) + bisect_right(different, value)
    return wins / (2 * len(same) * len(different))
