"""Agreement of raters, against sklearn, scipy, published figures and simulations."""

import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.stats import (
    Weights,
    class_agreement,
    cohen_kappa,
    correlation,
    krippendorff_alpha,
)

scipy_stats = pytest.importorskip("scipy.stats", reason="comes with extra [local]")
sklearn = pytest.importorskip("sklearn.metrics", reason="comes with extra [local]")

RATINGS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=5, max_size=60
)
PUBLISHED = [
    *([1, 1, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2]),
    *([1, 2, 3, 4], [4, 4, 4, 4], [1, 1, 2, 1], [2, 2, 2, 2], [5, 5, 5], [1, 1], [3]),
]
"""Four observers, twelve units: Krippendorff 2011, "Computing Krippendorff's
alpha-reliability", example C."""


@given(RATINGS, st.sampled_from(["none", "linear", "quadratic"]))
def test_kappa_is_that_of_sklearn(
    pairs: list[tuple[int, int]], weights: Weights
) -> None:
    """Also with weights; where it is not defined there, here there is none."""
    ours = cohen_kappa(pairs, range(1, 5), weights=weights)
    one, other = zip(*pairs, strict=True)
    if ours is None:
        assert len({*one, *other}) == 1
        return
    theirs = sklearn.cohen_kappa_score(
        one, other, labels=[1, 2, 3, 4], weights=None if weights == "none" else weights
    )
    assert ours.value == pytest.approx(theirs)


def test_kappa_interval_is_what_symmetry_makes_it() -> None:
    """A table of 100 cases with kappa 0.4 whose margins are all one half."""
    same, other = [("y", "y"), ("n", "n")], [("y", "n"), ("n", "y")]
    pairs = same * 35 + other * 15
    kappa = cohen_kappa(pairs, "yn")
    assert kappa is not None
    assert kappa.interval is not None
    assert kappa.value == pytest.approx(0.4)
    # With equal margins of one half the variance is (1 - kappa²) / n.
    half = 1.959964 * ((1 - 0.4**2) / 100) ** 0.5
    assert kappa.interval.low == pytest.approx(0.4 - half, abs=1e-6)
    assert kappa.interval.high == pytest.approx(0.4 + half, abs=1e-6)


@pytest.mark.parametrize("weights", ["none", "quadratic"])
def test_kappa_interval_covers_the_truth(weights: Weights) -> None:
    """Of 400 draws of 150 pairs about 95% hold the kappa of the whole population."""
    chance = random.Random(7)
    population = [
        (c, min(4, max(1, c + chance.choice([-1, 0, 0, 0, 1]))))
        for c in chance.choices([1, 2, 3, 4], [4, 3, 2, 1], k=40_000)
    ]
    truth = cohen_kappa(population, range(1, 5), weights=weights)
    assert truth is not None
    held = []
    for _ in range(400):
        drawn = cohen_kappa(
            chance.choices(population, k=150), range(1, 5), weights=weights
        )
        assert drawn is not None
        assert drawn.interval is not None
        held.append(drawn.interval.low <= truth.value <= drawn.interval.high)
    assert 0.91 <= fmean(held) <= 0.98


def test_raters_who_say_one_thing_only_have_no_kappa() -> None:
    """Chance alone would agree always."""
    assert cohen_kappa([(1, 1)] * 9, [1, 2]) is None
    perfect = cohen_kappa([(1, 1), (2, 2)], [1, 2])
    assert perfect is not None
    assert perfect == (1.0, None)


def test_classes_are_told_apart() -> None:
    """Precision and recall of each class, with how many they rest on."""
    pairs = [("a", "a")] * 6 + [("a", "b")] * 2 + [("b", "b")] * 1 + [("b", "a")] * 1
    a, b, c = class_agreement(pairs, ["a", "b", "c"])
    assert (a.true, a.found, a.both) == (8, 7, 6)
    assert (b.true, b.found, b.both) == (2, 3, 1)
    assert a.recall is not None
    assert a.recall.low < 6 / 8 < a.recall.high
    assert (c.precision, c.recall) == (None, None)


def test_alpha_is_the_published_one() -> None:
    """For interval data, with ratings missing."""
    alpha = krippendorff_alpha(PUBLISHED)
    assert alpha == pytest.approx(0.849, abs=5e-4)


def test_alpha_has_its_bounds() -> None:
    """1 where all agree on cases that differ; none where there is nothing to tell."""
    assert krippendorff_alpha([[1, 1], [0, 0]]) == 1.0
    assert krippendorff_alpha([[1, 1], [1, 1]]) is None
    assert krippendorff_alpha([[1], [0]]) is None
    chance = random.Random(3)
    noise = [[chance.randint(0, 1) for _ in range(3)] for _ in range(4000)]
    assert krippendorff_alpha(noise) == pytest.approx(0, abs=0.03)


@given(
    st.lists(
        st.tuples(st.floats(-9, 9, width=16), st.floats(-9, 9, width=16)),
        min_size=5,
        max_size=40,
    )
)
def test_correlation_is_that_of_scipy(pairs: list[tuple[float, float]]) -> None:
    """Value and interval."""
    found = correlation(pairs)
    x, y = zip(*pairs, strict=True)
    if found is None:
        return
    theirs = scipy_stats.pearsonr(x, y)
    value, interval = found
    assert value == pytest.approx(theirs.statistic, abs=1e-6)
    if interval is not None and abs(value) < 0.999:
        low, high = theirs.confidence_interval()
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-5)
