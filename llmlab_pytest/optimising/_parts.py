"""The samples of a task in three parts, each of which serves one purpose only.

From the first, prompts are made: its samples are shown to the writer and as
demonstrations. On the second, candidates are compared. The third is held out: nothing
is chosen by it, and it is asked once, at the end.
"""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llmlab_pytest.core import DataError, Sample

LEAST = (4, 4, 8)
"""Samples of each part: with fewer nothing can be learnt, or found."""
_SEARCH_SHARE = 0.5
"""Of what is not held out, this share makes prompts; the rest compares them."""


class Parts(NamedTuple):
    """Three parts that have no sample in common."""

    train: tuple[Sample, ...]
    """Makes prompts."""
    dev: tuple[Sample, ...]
    """Compares candidates, in the order in which they are asked."""
    held_out: tuple[Sample, ...]
    """Judges the finalist."""


def split_samples(
    samples: Sequence[Sample],
    clusters: Mapping[str, str],
    *,
    held_out_ratio: float,
    seed: int,
) -> Parts:
    """Split samples at random; those of a cluster stay together.

    Args:
        samples: of the task.
        clusters: by sample id, where the card declares any.
        held_out_ratio: the share that is held out, above 0 and below 1.
        seed: of the draw.

    Raises:
        DataError: there are too few.
    """
    members: dict[str, list[Sample]] = {}
    for sample in samples:
        members.setdefault(clusters.get(sample.id, sample.id), []).append(sample)
    groups = list(members.values())
    random.Random(seed).shuffle(groups)
    train_ratio = (1 - held_out_ratio) * _SEARCH_SHARE
    ends = (train_ratio, 1 - held_out_ratio, 1.0)
    parts: tuple[list[Sample], ...] = ([], [], [])
    taken = 0
    for group in groups:
        middle = (taken + len(group) / 2) / len(samples)
        part = next(n for n, end in enumerate(ends) if middle <= end)
        parts[part].extend(group)
        taken += len(group)
    if any(len(part) < least for part, least in zip(parts, LEAST, strict=True)):
        counts = ", ".join(f"{len(part)}" for part in parts)
        raise DataError(
            f"{len(samples)} samples make parts of {counts}.",
            allowed=f"The parts have at least {LEAST[0]}, {LEAST[1]} and {LEAST[2]}.",
            fix="Add rows, or choose another --held-out.",
        )
    return Parts(*map(tuple, parts))
