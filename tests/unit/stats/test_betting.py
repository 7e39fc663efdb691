"""Intervals that hold at all times: error rates, counted while one looks each time."""

import math
import random
from collections.abc import Callable
from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab_pytest.stats import betting_interval, decide_side, wilson

RUNS, MOST = 1500, 400


def right(chance: random.Random, mean: float) -> float:
    return float(chance.random() < mean)


def graded(chance: random.Random, mean: float) -> float:
    return chance.betavariate(4 * mean, 4 * (1 - mean))


@pytest.mark.parametrize("draw", [right, graded])
@pytest.mark.parametrize("mean", [0.3, 0.8, 0.95])
def test_a_mean_at_the_bound_is_rarely_decided(
    draw: Callable[[random.Random, float], float], mean: float
) -> None:
    """Looked at after each of 400 values: at most 2.5 % on either side."""
    chance = random.Random(21)
    sides = []
    for _ in range(RUNS):
        found = decide_side([draw(chance, mean) for _ in range(MOST)], mean)
        sides.append(found and found.side)
    allowed = 0.025 + 3 * math.sqrt(0.025 * 0.975 / RUNS)
    assert sides.count("above") / RUNS <= allowed
    assert sides.count("below") / RUNS <= allowed


def test_looking_each_time_breaks_an_ordinary_interval() -> None:
    """Wilson's, looked at after each of 400 values, errs five times as often."""
    chance = random.Random(22)
    wrong = 0
    for _ in range(300):
        hits = 0
        for n in range(1, MOST + 1):
            hits += chance.random() < 0.8
            found = wilson(hits, n)
            if n >= 10 and found and not found.low <= 0.8 <= found.high:
                wrong += 1
                break
    assert wrong / 300 > 0.2


@pytest.mark.parametrize(("mean", "side"), [(0.95, "above"), (0.6, "below")])
def test_a_clear_case_is_decided_early(mean: float, side: str) -> None:
    """Far from 0.8, half of 1,000 samples are never asked, and no run is wrong."""
    chance = random.Random(23)
    decided = [
        decide_side([right(chance, mean) for _ in range(1000)], 0.8) for _ in range(200)
    ]
    sides = [found.side for found in decided if found]
    assert sides == [side] * 200
    assert fmean(found.n for found in decided if found) < 120


def test_all_right_takes_as_many_as_the_bets_allow() -> None:
    """At most three quarters at stake: 22 values of 1 against 0.8, by hand."""
    found = decide_side([1.0] * 100, 0.8)
    assert found is not None
    assert (found.side, found.n) == ("above", 22)
    assert math.log(40) / math.log1p(0.75 / 0.8 * 0.2) == pytest.approx(21.5, abs=0.05)
    assert decide_side([1.0] * 21, 0.8) is None
    assert decide_side([0.0] * 100, 0.2) == ("below", 22)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=120),
    st.floats(0.05, 0.95),
    st.sampled_from([0.8, 0.95]),
)
def test_interval_and_decision_say_the_same(
    values: list[float], bound: float, confidence: float
) -> None:
    """A bound is outside exactly where it was decided on which side the mean is."""
    found = betting_interval(values, confidence=confidence)
    assert found is not None
    decided = decide_side(values, bound, confidence=confidence)
    if found.low > bound + 1e-9:
        assert decided is not None
        assert decided.side == "above" or found.high < bound
    elif found.high < bound - 1e-9:
        assert decided is not None
        assert decided.side == "below"
    elif found.low < bound - 1e-9 and found.high > bound + 1e-9:
        assert decided is None


def test_interval_only_shrinks_and_covers_at_all_times() -> None:
    """300 runs, looked at ten times each: the truth is in all ten, 95 times in 100."""
    chance = random.Random(24)
    held = []
    for _ in range(300):
        values = [graded(chance, 0.7) for _ in range(200)]
        found = [betting_interval(values[:n]) for n in range(20, 201, 20)]
        ends = [(f.low, f.high) for f in found if f]
        assert all(a[0] <= b[0] and b[1] <= a[1] for a, b in pairwise(ends))
        held.append(all(low <= 0.7 <= high for low, high in ends))
    assert fmean(held) >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 300)
    assert betting_interval([]) is None
