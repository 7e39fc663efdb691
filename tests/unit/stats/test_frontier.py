"""The frontier by its definition, its chances against a normal and by simulation."""

import random
from statistics import NormalDist, fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.stats import Offer, frontier, frontier_chances, mean_stderr

FEW = st.integers(0, 4).map(float)
OFFERS = st.lists(st.builds(Offer, FEW, FEW), min_size=1, max_size=7)


def rows(*offers: tuple[list[float], list[float]]) -> list[tuple[float, ...]]:
    """What each sample adds: one, then quality and price of each offer."""
    columns = [column for offer in offers for column in offer]
    return [(1.0, *values) for values in zip(*columns, strict=True)]


@given(OFFERS)
def test_frontier_holds_what_nobody_beats(offers: list[Offer]) -> None:
    """Somebody is on it; whoever is not is beaten by one who is."""
    found = frontier(offers)
    best = [offer for offer, is_on in zip(offers, found, strict=True) if is_on]
    assert best
    for offer, is_on in zip(offers, found, strict=True):
        better = [
            other
            for other in best
            if other != offer
            and other.quality >= offer.quality
            and other.price <= offer.price
        ]
        assert is_on == (not better)


def test_equal_offers_are_both_on_the_frontier() -> None:
    """Neither is better in anything; a third that costs more is beaten."""
    offers = [Offer(0.8, 1.0), Offer(0.8, 1.0), Offer(0.8, 1.5), Offer(0.9, 2.0)]
    assert frontier(offers) == [True, True, False, True]


def test_chance_of_a_dear_offer_is_that_of_being_better() -> None:
    """Prices are fixed, so it is the normal chance of the paired difference."""
    drawn = random.Random(5)
    cheap = [float(drawn.random() < 0.7) for _ in range(300)]
    dear = [max(one, float(drawn.random() < 0.06)) for one in cheap]
    for place in drawn.sample(range(300), 5):
        dear[place] = 0.0
    apart = [other - own for own, other in zip(cheap, dear, strict=True)]
    stderr = mean_stderr(apart)
    assert stderr
    sure, found = frontier_chances(
        [rows((cheap, [1.0] * 300), (dear, [2.0] * 300))], draws=4000
    )
    assert sure == 1.0
    # Half a step: where the two draws are equal, the dear one is beaten.
    wanted = NormalDist().cdf((fmean(apart) - 0.5 / 300) / stderr)
    assert found == pytest.approx(wanted, abs=0.03)


def test_a_dear_offer_that_is_no_better_is_rarely_sure_of_its_place() -> None:
    """Of 400 runs of two equal models about one in twenty says so with 95 %."""
    drawn = random.Random(8)
    sure = 0
    for _ in range(400):
        qualities = [[float(drawn.random() < 0.6) for _ in range(60)] for _ in "ab"]
        chances = frontier_chances(
            [rows((qualities[0], [1.0] * 60), (qualities[1], [2.0] * 60))], draws=200
        )
        sure += chances[1] >= 0.95
    assert sure / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_samples_beyond_the_groups_change_little() -> None:
    """5,000 samples are drawn in 500 groups; the chance is still the normal one."""
    drawn = random.Random(2)
    cheap = [float(drawn.random() < 0.5) for _ in range(5000)]
    dear = [
        one if drawn.random() < 0.9 else float(drawn.random() < 0.53) for one in cheap
    ]
    apart = [other - own for own, other in zip(cheap, dear, strict=True)]
    wanted = NormalDist().cdf(fmean(apart) / (mean_stderr(apart) or 1.0))
    (_, found) = frontier_chances([rows((cheap, [1.0] * 5000), (dear, [2.0] * 5000))])
    assert found == pytest.approx(wanted, abs=0.05)


def test_tasks_are_drawn_by_themselves_and_count_the_same() -> None:
    """A task of two samples weighs as much as one of fifty."""
    small = rows(([1.0, 1.0], [1.0, 1.0]), ([0.0, 0.0], [2.0, 2.0]))
    large = rows(([0.0] * 50, [1.0] * 50), ([0.9] * 50, [2.0] * 50))
    assert frontier_chances([small, large], draws=50) == [1.0, 0.0]
    assert frontier_chances([large], draws=50) == [1.0, 1.0]
