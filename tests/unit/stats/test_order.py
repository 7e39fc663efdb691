"""Intervals of quantiles, against scipy and by simulation."""

import random

import pytest

from llmlab_pytest.stats import quantile_interval

scipy_stats = pytest.importorskip("scipy.stats", reason="comes with extra [local]")


@pytest.mark.parametrize("n", [8, 30, 200, 1500])
@pytest.mark.parametrize("q", [0.5, 0.95])
def test_quantile_interval_is_that_of_scipy(n: int, q: float) -> None:
    """Scipy's `quantile_test` gives the same ranks, and none where there is none."""
    drawn = random.Random(n)
    values = [drawn.lognormvariate(0, 1) for _ in range(n)]
    theirs = scipy_stats.quantile_test(values, p=q).confidence_interval(0.95)
    found = quantile_interval(values, q)
    if found is None:
        assert theirs.low != theirs.low or theirs.high != theirs.high  # not a number
    else:
        assert (found.low, found.high) == (theirs.low, theirs.high)


def test_quantile_interval_of_nothing_is_none() -> None:
    """Neither no value nor three have an interval."""
    assert quantile_interval([], 0.5) is None
    assert quantile_interval([1.0, 2.0, 3.0], 0.5) is None


def test_quantile_interval_covers_at_least_as_often_as_it_says() -> None:
    """2,000 times 40 skewed values, whose true median is 1."""
    drawn = random.Random(3)
    inside = 0
    for _ in range(2000):
        found = quantile_interval([drawn.lognormvariate(0, 1) for _ in range(40)], 0.5)
        inside += found is not None and found.low <= 1.0 <= found.high
    assert inside / 2000 >= 0.945
