"""Efron's BCa interval, against scipy on the same draws and by simulated coverage."""

import math
import random
from collections.abc import Sequence
from statistics import fmean

import pytest

from llmlab_pytest.stats import CORPUS_STATISTICS, bca_interval
from llmlab_pytest.stats._bootstrap import drawn_statistics

numpy = pytest.importorskip("numpy", reason="draws need it")
scipy_stats = pytest.importorskip("scipy.stats", reason="comes with extra [local]")


def mean(sums: Sequence[float]) -> float:
    total, count = sums
    return total / count


def skewed(chance: random.Random, n: int) -> list[float]:
    return [math.exp(chance.gauss(0, 1)) for _ in range(n)]


@pytest.mark.parametrize("n", [8, 40])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_interval_is_that_of_scipy(n: int, confidence: float) -> None:
    """Given our draws, scipy's BCa has the same ends."""
    values = skewed(random.Random(n), n)
    addends = [(value, 1.0) for value in values]
    drawn = drawn_statistics(addends, mean, draws=2000)
    earlier = type("Earlier", (), {"bootstrap_distribution": numpy.array(drawn)})()
    theirs = scipy_stats.bootstrap(
        (values,),
        lambda v, axis: v.mean(axis=axis),
        n_resamples=0,
        bootstrap_result=earlier,
        confidence_level=confidence,
        method="BCa",
    ).confidence_interval
    found = bca_interval(addends, mean, draws=2000, confidence=confidence)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(theirs), rel=1e-9)
    assert found.method == "bootstrap-bca"


def test_interval_covers_a_skewed_mean() -> None:
    """300 draws of 30 log-normal values; the truth is exp(1/2)."""
    chance = random.Random(3)
    held = []
    for _ in range(300):
        addends = [(value, 1.0) for value in skewed(chance, 30)]
        found = bca_interval(addends, mean, draws=1000)
        assert found is not None
        held.append(found.low <= math.exp(0.5) <= found.high)
    assert 0.86 <= fmean(held) <= 0.97


def test_a_pair_is_drawn_together() -> None:
    """F1 of two models that are right together: the difference is known far better."""
    chance = random.Random(9)
    f1 = CORPUS_STATISTICS["f1"].of_sums
    first, second, apart = [], [], []
    for _ in range(200):
        positive, right = chance.random() < 0.5, chance.random() < 0.8
        better = right or chance.random() < 0.1
        first.append(_cell(positive, better))
        second.append(_cell(positive, right))
        apart.append(_cell(positive, chance.random() < 0.8))

    def gap(sums: Sequence[float]) -> float:
        return f1(sums[:4]) - f1(sums[4:])

    paired = bca_interval([a + b for a, b in zip(first, second, strict=True)], gap)
    loose = bca_interval([a + b for a, b in zip(first, apart, strict=True)], gap)
    assert paired is not None
    assert loose is not None
    assert paired.low > 0
    assert paired.high - paired.low < 0.6 * (loose.high - loose.low)


def _cell(positive: bool, right: bool) -> tuple[float, ...]:
    """Return true and false positives, false and true negatives."""
    place = (0 if right else 2) if positive else (3 if right else 1)
    return tuple(float(n == place) for n in range(4))


def test_values_without_a_spread_have_no_interval() -> None:
    """All draws are the same, or there is one sample only."""
    assert bca_interval([(1.0, 1.0)] * 5, mean, draws=100) is None
    assert bca_interval([(1.0, 1.0)], mean, draws=100) is None
