"""A measure of all samples for two models: is the difference more than chance?

If the two were the same, either's answer to a sample could be the other's (approximate
randomisation; Noreen 1989, "Computer-Intensive Methods for Testing Hypotheses", 2.2).
"""

import math
from collections.abc import Sequence

from llmlab_pytest.core import load
from llmlab_pytest.stats._corpus import Sums, SumsFunction
from llmlab_pytest.stats._paired import Flipped

_CHUNK_NUMBERS = 1 << 20
"""So many random numbers are held at a time."""


def swap_test(
    pairs: Sequence[tuple[Sums, Sums]],
    statistic: SumsFunction,
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> Flipped:
    """Return the two-sided p value of the difference of a function of sums.

    Args:
        pairs: what each sample adds to the sums of the first, and of the second.
        statistic: from sums to a number.
        draws: how often the two are swapped at random, sample by sample.
        seed: of the draws: the same pairs always have the same p value.

    Raises:
        MissingDependency: numpy is not installed.
    """
    numpy = load("numpy", extra="benchmarks", needed_by="a test of two corpora")
    one, other = (numpy.asarray(side, dtype=float) for side in zip(*pairs, strict=True))
    sums, gaps = (one.sum(axis=0), other.sum(axis=0)), other - one
    # What sums of floats differ by when their order does is no difference.
    seen = abs(statistic(sums[0].tolist()) - statistic(sums[1].tolist())) * (1 - 1e-12)
    generator = numpy.random.default_rng(seed)
    chunk = max(1, _CHUNK_NUMBERS // len(pairs))
    reached = 0
    for start in range(0, draws, chunk):
        count = min(chunk, draws - start)
        moved = generator.integers(0, 2, (count, len(pairs))) @ gaps
        drawn = zip((sums[0] + moved).tolist(), (sums[1] - moved).tolist(), strict=True)
        reached += sum(abs(statistic(a) - statistic(b)) >= seen for a, b in drawn)
    p = (reached + 1) / (draws + 1)
    return Flipped(p, math.sqrt(p * (1 - p) / draws))
