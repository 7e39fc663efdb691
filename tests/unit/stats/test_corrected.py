"""A judge's mean, corrected by people: unbiased, and its interval covers."""

import random
from collections.abc import Sequence
from statistics import fmean

import pytest

from llmlab_pytest.stats import Rated, corrected_mean

Pair = tuple[float, float]


def draws(
    chance: random.Random, n: int, *, truth: float, hit: float, false: float
) -> list[Pair]:
    """Draw what people and a judge say of samples."""
    pairs = []
    for _ in range(n):
        human = float(chance.random() < truth)
        says_yes = chance.random() < (hit if human else false)
        pairs.append((human, float(says_yes)))
    return pairs


def judged(pairs: Sequence[Pair]) -> list[float]:
    return [judge for _, judge in pairs]


@pytest.mark.parametrize(
    ("hit", "false"),
    [(0.95, 0.05), (0.9, 0.4), (0.5, 0.5), (1.0, 1.0)],
    ids=["good", "lenient", "useless", "always-yes"],
)
def test_interval_covers_what_people_would_say(hit: float, false: float) -> None:
    """However wrong the judge is: 1,000 draws of 100 rated and 1,000 judged samples."""
    chance = random.Random(11)
    values, held = [], []
    for _ in range(1000):
        rated = Rated.of(draws(chance, 100, truth=0.7, hit=hit, false=false))
        others = draws(chance, 1000, truth=0.7, hit=hit, false=false)
        found = corrected_mean(judged(others), rated)
        assert found is not None
        values.append(found.value)
        held.append(found.interval.low <= 0.7 <= found.interval.high)
    assert fmean(values) == pytest.approx(0.7, abs=0.006)
    assert 0.925 <= fmean(held) <= 0.975


def test_a_good_judge_makes_the_interval_shorter() -> None:
    """Against the people's ratings alone; a useless one does no harm."""
    chance = random.Random(5)
    widths = {}
    for name, hit, false in [("good", 0.98, 0.02), ("useless", 0.5, 0.5)]:
        pairs = draws(chance, 200, truth=0.6, hit=hit, false=false)
        others = judged(draws(chance, 5000, truth=0.6, hit=hit, false=false))
        found = corrected_mean(others, Rated.of(pairs))
        alone = corrected_mean([0.0, 0.0], Rated.of(pairs))
        assert found is not None
        assert alone is not None
        widths[name] = (found.interval.high - found.interval.low) / (
            alone.interval.high - alone.interval.low
        )
    assert widths["good"] < 0.5
    assert widths["useless"] == pytest.approx(1.0, abs=0.05)


def test_a_judge_without_any_shade_counts_for_nothing() -> None:
    """It says the same of all: then the mean is that of the people."""
    found = corrected_mean([1.0] * 50, Rated.of([(1.0, 1.0), (0.0, 1.0), (1.0, 1.0)]))
    assert found is not None
    assert (found.weight, found.value) == (0.0, pytest.approx(2 / 3))


def test_too_little_gives_nothing() -> None:
    """One sample says nothing of a spread."""
    with pytest.raises(ValueError, match="1 pairs"):
        Rated.of([(1.0, 1.0)])
    assert corrected_mean([1.0], Rated.of([(1.0, 1.0), (0.0, 0.0)])) is None
