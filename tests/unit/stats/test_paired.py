"""Tests of pairs, against scipy, published figures, brute force and simulations."""

import itertools
import random
from statistics import NormalDist, fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab_pytest.stats import mcnemar, sign_flip, tango

scipy_optimize = pytest.importorskip("scipy.optimize", reason="extra [local]")
scipy_stats = pytest.importorskip("scipy.stats", reason="comes with extra [local]")


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_a_binomial_test(wins: int, losses: int) -> None:
    """Exact and mid-p: the binomial test of scipy, and half of the chance of a tie."""
    p, mid = mcnemar(wins, losses), mcnemar(wins, losses, is_mid=True)
    if wins + losses == 0:
        assert (p, mid) == (1.0, 1.0)
        return
    exact = scipy_stats.binomtest(wins, wins + losses).pvalue
    assert p == pytest.approx(exact, rel=1e-9)
    chances = scipy_stats.binom(wins + losses, 0.5)
    fewer = min(wins, losses)
    halved = 2 * chances.cdf(fewer) - chances.pmf(fewer)
    assert mid == pytest.approx(halved, rel=1e-9)


def test_mcnemar_gives_published_values() -> None:
    """As contingencytables in R (Bentur 2009, Cavo 2012); and counts beyond floats."""
    assert mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(1, 7, is_mid=True) == pytest.approx(0.0391, abs=5e-5)
    assert mcnemar(6, 16, is_mid=True) == pytest.approx(0.034690, abs=5e-7)
    assert mcnemar(2000, 2000) == 1.0
    with pytest.raises(ValueError, match="-1 losses"):
        mcnemar(1, -1)


@pytest.mark.parametrize(
    ("wins", "losses", "n", "low", "high"),
    [(6, 16, 161, -0.1240, -0.0054), (16, 6, 161, 0.0054, 0.1240)],
)
def test_tango_gives_published_values(
    wins: int, losses: int, n: int, low: float, high: float
) -> None:
    """Response before and after therapy (Cavo 2012), as contingencytables in R."""
    found = tango(wins, losses, n)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.method == "tango"


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_tango_ends_are_where_the_score_statistic_is_the_quantile(
    n: int, data: st.DataObject, confidence: float
) -> None:
    """With the likeliest share of losses at that difference searched by scipy."""
    wins = data.draw(st.integers(0, n))
    losses = data.draw(st.integers(0, n - wins))
    found = tango(wins, losses, n, confidence=confidence)
    assert found is not None
    assert found.low <= (wins - losses) / n <= found.high
    for end in (found.low, found.high):
        if abs(end) > 0.999:
            continue

        def surprise(share: float, end: float = end) -> float:
            logs = [
                (wins, share + end),
                (losses, share),
                (n - wins - losses, 1 - 2 * share - end),
            ]
            xlogy = scipy_stats._stats_py.special.xlogy
            return float(-sum(xlogy(count, max(p, 1e-300)) for count, p in logs))

        bounds = (max(0.0, -end), (1 - end) / 2)
        best = scipy_optimize.minimize_scalar(
            surprise, bounds=bounds, method="bounded", options={"xatol": 1e-12}
        ).x
        variance = n * (2 * best + end - end**2)
        score = (wins - losses - n * end) / variance**0.5
        quantile = NormalDist().inv_cdf((1 + confidence) / 2)
        assert abs(score) == pytest.approx(quantile, rel=2e-3)


@pytest.mark.parametrize("n", [15, 40, 150])
@pytest.mark.parametrize(
    ("first", "second"), [(0.1, 0.05), (0.3, 0.1), (0.02, 0.02)], ids=str
)
def test_tango_covers_the_truth(n: int, first: float, second: float) -> None:
    """At small n 2,000 draws hold it 95 times in 100, or hardly less."""
    chance = random.Random(17)
    held = []
    for _ in range(2000):
        drawn = chance.choices("wl-", [first, second, 1 - first - second], k=n)
        found = tango(drawn.count("w"), drawn.count("l"), n)
        assert found is not None
        held.append(found.low <= first - second <= found.high)
    assert fmean(held) >= 0.93


def test_tango_without_any_difference_is_not_certain() -> None:
    """Of 30 samples none differs: the difference may still be z²/(n + z²)."""
    found = tango(0, 0, 30)
    assert found is not None
    z2 = NormalDist().inv_cdf(0.975) ** 2
    assert found.high == pytest.approx(z2 / (30 + z2), abs=1e-9)
    assert found.low == pytest.approx(-found.high)
    assert tango(0, 0, 0) is None
    with pytest.raises(ValueError, match="of 3"):
        tango(2, 2, 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1 / 3, 2 / 3, 1.0, 0.7]), max_size=9), st.data())
def test_sign_flip_counts_all_signs(sizes: list[float], data: st.DataObject) -> None:
    """As many as brute force finds, with ties that floats would miss."""
    signs = data.draw(
        st.lists(st.sampled_from([-1, 1]), min_size=len(sizes), max_size=len(sizes))
    )
    differences = [s * v for s, v in zip(signs, sizes, strict=True)]
    seen = abs(sum(differences)) - 1e-9
    sums = [
        abs(sum(s * v for s, v in zip(flips, differences, strict=True)))
        for flips in itertools.product((-1, 1), repeat=len(differences))
    ]
    found = sign_flip(differences)
    assert found.p == pytest.approx(fmean(total >= seen for total in sums))
    assert found.stderr is None


def test_sign_flip_of_right_and_wrong_is_mcnemar() -> None:
    """The two exact tests are one: also for thousands of samples."""
    differences = [1.0] * 140 + [-1.0] * 100 + [0.0] * 3000
    found = sign_flip(differences)
    assert found.p == pytest.approx(mcnemar(140, 100), rel=1e-9)
    assert found.stderr is None


def test_sign_flip_draws_where_it_cannot_count() -> None:
    """Its p value is scipy's within both errors, and the same each time."""
    chance = random.Random(5)
    differences = [chance.gauss(0.15, 1) for _ in range(200)]
    found = sign_flip(differences)
    theirs = scipy_stats.permutation_test(
        (differences,),
        fmean,
        permutation_type="samples",
        n_resamples=20_000,
        rng=1,
    )
    assert found.stderr is not None
    assert found.p == pytest.approx(theirs.pvalue, abs=5 * found.stderr)
    assert sign_flip(differences) == found
    assert sign_flip(differences, seed=1).p != found.p


def test_sign_flip_rejects_as_often_as_it_says() -> None:
    """Of 1,000 draws from a symmetric heavy-tailed law about 5 % are below 5 %."""
    chance = random.Random(8)
    below = [
        sign_flip([chance.choice((-1, 1)) * chance.random() ** 3 for _ in range(12)]).p
        <= 0.05
        for _ in range(1000)
    ]
    assert 0.03 <= fmean(below) <= 0.07


def test_no_difference_has_the_p_value_one() -> None:
    """Nothing was seen that chance would not give always."""
    assert sign_flip([]).p == sign_flip([0.0, 0.0]).p == 1.0
