"""Samples whose score changed, with what was answered before and now."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from llmlab_pytest.comparing import Side
from llmlab_pytest.core import SampleResult
from llmlab_pytest.reporting import Told
from llmlab_pytest.reviewing._verdicts import Reviewed

ToldBy = Mapping[tuple[str, int], Told]
"""What was asked and answered, by sample and epoch."""
FlipReader = Callable[[Side, Sequence[str]], ToldBy]
"""Reads the texts of some samples of a side."""


class Flip(NamedTuple):
    """A sample whose score is another one now."""

    sample_id: str
    is_loss: bool
    before: Told | None
    now: Told | None
    values: tuple[float | None, float | None]
    """The primary score of the shown epoch, before and now."""


def flips_of(reviewed: Reviewed, read: FlipReader, *, most: int) -> list[Flip]:
    """Return the samples that changed, losses first, of each kind at most so many.

    Args:
        reviewed: a task and model of both runs.
        read: reads texts; asked for no more than are shown.
        most: losses, and gains.
    """
    found = reviewed.compared.found
    higher, lower = found.wins[:most], found.losses[:most]
    losses, gains = (higher, lower) if reviewed.is_lower_better else (lower, higher)
    pair = reviewed.compared.pair
    texts = [read(side, [*losses, *gains]) for side in pair]
    epochs = [_by_epoch(side.results) for side in pair]
    flips = []
    for name in (*losses, *gains):
        before, now = (own.get(name, {}) for own in epochs)
        epoch = _changed_epoch(before, now)
        told = [own.get((name, epoch)) for own in texts]
        values = (before.get(epoch), now.get(epoch))
        flips.append(Flip(name, name in losses, told[0], told[1], values))
    return flips


def _by_epoch(results: Sequence[SampleResult]) -> dict[str, dict[int, float | None]]:
    values: dict[str, dict[int, float | None]] = {}
    for result in results:
        score = result.scores[0].value if result.scores else None
        values.setdefault(result.sample_id, {})[result.epoch] = score
    return values


def _changed_epoch(
    before: Mapping[int, float | None], now: Mapping[int, float | None]
) -> int:
    """Return the first epoch whose score changed, else the first there is."""
    both = [epoch for epoch in now if epoch in before]
    changed = (epoch for epoch in both if before[epoch] != now[epoch])
    return next(changed, both[0] if both else 1)
