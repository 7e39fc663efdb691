"""Which results of a run are compared with which of the base."""

from collections.abc import Sequence
from typing import NamedTuple

from llmlab_pytest.comparing import Pair, Side


class Paired(NamedTuple):
    """What two runs have in common, and what only one has."""

    pairs: list[Pair]
    """The base's side first."""
    added: list[Side]
    """Only in the run."""
    removed: list[Side]
    """Only in the base."""


def pair_runs(base: Sequence[Side], head: Sequence[Side]) -> Paired:
    """Pair each task and model with itself.

    Where a task was asked of one model that the other run does not have, and of one
    there likewise, a model was replaced by another: these two are a pair.
    """
    pairs, added = [], []
    left = {(side.task, side.model): side for side in base}
    alone = []
    for side in head:
        same = left.pop((side.task, side.model), None)
        if same is None:
            alone.append(side)
        else:
            pairs.append(Pair(same, side))
    for side in alone:
        is_only = sum(other.task == side.task for other in alone) == 1
        others = [key for key in left if key[0] == side.task]
        if is_only and len(others) == 1:
            pairs.append(Pair(left.pop(others[0]), side))
        else:
            added.append(side)
    return Paired(pairs, added, list(left.values()))
