"""The test that swaps two models sample by sample, against the one that flips signs."""

import random
from collections.abc import Sequence
from statistics import fmean

import pytest

from llmlab_pytest.stats import CORPUS_STATISTICS, sign_flip, swap_test

pytest.importorskip("numpy", reason="draws need it")


def mean(sums: Sequence[float]) -> float:
    return sums[0] / sums[1]


def test_for_a_mean_it_is_the_test_of_signs() -> None:
    """To swap two values is to flip the sign of their difference."""
    chance = random.Random(5)
    pairs = [(chance.gauss(0.1, 1), chance.gauss(0, 1)) for _ in range(14)]
    exact = sign_flip([one - other for one, other in pairs])
    assert exact.stderr is None
    sums = [((one, 1.0), (other, 1.0)) for one, other in pairs]
    drawn = swap_test(sums, mean)
    assert drawn.stderr is not None
    assert drawn.p == pytest.approx(exact.p, abs=4 * drawn.stderr)
    assert swap_test(sums, mean) == drawn


def test_it_rejects_as_often_as_it_says() -> None:
    """F1 of two models that are equally good: of 300 tests about 5 % find something."""
    chance = random.Random(8)
    f1 = CORPUS_STATISTICS["f1"].of_sums

    def cell() -> tuple[float, ...]:
        place = chance.choices(range(4), [0.4, 0.1, 0.2, 0.3])[0]
        return tuple(float(n == place) for n in range(4))

    found = [
        swap_test([(cell(), cell()) for _ in range(40)], f1, draws=400).p <= 0.05
        for _ in range(300)
    ]
    assert 0.02 <= fmean(found) <= 0.09
