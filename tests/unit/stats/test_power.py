"""Power and numbers of samples, against exact chances and by hand."""

import random
from statistics import fmean, stdev

import pytest

from llmlab_pytest.stats import (
    detectable_mean,
    detectable_pairs,
    mcnemar,
    paired_power,
    proportion_power,
    samples_for_mean,
    samples_for_pairs,
    samples_for_proportion,
    student_t,
    wilson,
)

scipy_stats = pytest.importorskip("scipy.stats", reason="comes with extra [local]")


def exact_power(rate: float, bound: float, n: int) -> float:
    """Return the chance that Wilson's interval leaves out the bound on that side."""
    total = 0.0
    for successes in range(n + 1):
        found = wilson(successes, n)
        assert found is not None
        is_decided = found.low > bound if rate > bound else found.high < bound
        total += is_decided * float(scipy_stats.binom.pmf(successes, n, rate))
    return total


@pytest.mark.parametrize(
    ("rate", "bound", "n"),
    [(0.85, 0.8, 300), (0.9, 0.8, 100), (0.7, 0.8, 150), (0.5, 0.6, 80)],
)
def test_power_is_close_to_the_exact_one(rate: float, bound: float, n: int) -> None:
    """The sum over all outcomes, by scipy's binomial; steps of the count remain."""
    assert proportion_power(rate, bound, n) == pytest.approx(
        exact_power(rate, bound, n), abs=0.05
    )


@pytest.mark.parametrize(
    ("rate", "bound"), [(0.85, 0.8), (0.95, 0.9), (0.3, 0.5), (1.0, 0.8)]
)
def test_needed_samples_decide_as_often_as_wanted(rate: float, bound: float) -> None:
    """So many are enough, and three quarters of them are not."""
    n = samples_for_proportion(rate, bound)
    assert n is not None
    assert exact_power(rate, bound, n) >= 0.76
    assert exact_power(rate, bound, n * 3 // 4) < 0.8 or rate == 1.0
    assert samples_for_proportion(bound, bound) is None


def test_number_for_a_proportion_by_hand() -> None:
    """0.5 against 0.3: the formula with the quantiles of a printed table."""
    z, w = 1.959964, 0.841621
    by_hand = ((z * 0.21**0.5 + w * 0.25**0.5) / 0.2) ** 2
    assert samples_for_proportion(0.5, 0.3) == int(by_hand) + 1 == 44


def test_mean_and_what_is_detectable_are_inverse() -> None:
    """The distance that n samples find needs n samples; 8 of 10 draws find it."""
    distance = detectable_mean(0.4, 120)
    assert samples_for_mean(distance * 1.0001, 0.4) == 120
    assert samples_for_mean(0.0, 0.4) is None
    chance = random.Random(4)
    found = []
    for _ in range(800):
        drawn = student_t([chance.gauss(distance, 0.4) for _ in range(120)])
        assert drawn is not None
        found.append(drawn.low > 0)
    assert fmean(found) == pytest.approx(0.8, abs=4 * stdev(found) / 800**0.5)


def test_number_of_pairs_by_hand() -> None:
    """Only one is right in 0.25 and 0.15 of the samples: the formula in numbers."""
    by_hand = ((1.959964 * 0.4**0.5 + 0.841621 * 0.39**0.5) / 0.1) ** 2
    n = samples_for_pairs(0.1, 0.4)
    assert n == int(by_hand) + 1 == 312
    assert paired_power(0.1, 0.4, 312) == pytest.approx(0.8, abs=1e-3)
    assert samples_for_pairs(0.0, 0.4) is None


@pytest.mark.parametrize(("discordant", "n"), [(0.2, 200), (0.4, 80)])
def test_detectable_pairs_are_found_as_often_as_said(discordant: float, n: int) -> None:
    """By McNemar's mid-p test over 1,500 draws."""
    difference = detectable_pairs(discordant, n)
    assert difference is not None
    win = (discordant + difference) / 2
    chance = random.Random(6)
    found = []
    for _ in range(1500):
        shares = [win, discordant - win, 1 - discordant]
        drawn = chance.choices("wl-", shares, k=n)
        p = mcnemar(drawn.count("w"), drawn.count("l"), is_mid=True)
        found.append(p <= 0.05)
    assert fmean(found) == pytest.approx(0.8, abs=0.05)


def test_where_few_differ_what_is_detectable_makes_more_differ() -> None:
    """Of 200 samples none differed: so many wins without a loss would be found."""
    difference = detectable_pairs(0.0, 200)
    assert difference is not None
    assert detectable_pairs(0.01, 200) == pytest.approx(difference)
    chance = random.Random(7)
    found = []
    for _ in range(1500):
        wins = sum(chance.random() < difference for _ in range(200))
        found.append(mcnemar(wins, 0, is_mid=True) <= 0.05)
    # Eight wins or so: one more or less moves the chance by a tenth.
    assert 0.75 <= fmean(found) <= 0.95
    assert detectable_pairs(0.0, 3) is None
