"""Adjusted p values, against scipy, the closed testing procedure and a simulation."""

import itertools
import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.stats import benjamini_hochberg, holm

scipy_stats = pytest.importorskip("scipy.stats", reason="comes with extra [local]")
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=7)


@given(P_VALUES)
def test_false_discovery_rate_is_that_of_scipy(p_values: list[float]) -> None:
    """Benjamini and Hochberg's, ties and order included."""
    theirs = scipy_stats.false_discovery_control(p_values)
    assert benjamini_hochberg(p_values) == pytest.approx(list(theirs))


@given(P_VALUES)
def test_holm_is_bonferroni_on_every_subset(p_values: list[float]) -> None:
    """Closed testing: a find holds if every set of tests that it is in is rejected."""
    places = range(len(p_values))
    subsets = [
        subset
        for count in range(1, len(p_values) + 1)
        for subset in itertools.combinations(places, count)
    ]
    by_subset = {
        subset: min(1.0, len(subset) * min(p_values[n] for n in subset))
        for subset in subsets
    }
    closed = [max(p for s, p in by_subset.items() if n in s) for n in places]
    assert holm(p_values) == pytest.approx(closed)


def test_published_example() -> None:
    """Benjamini and Hochberg 1995, section 4.1: 15 tests, 4 finds; Bonferroni has 3."""
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p_values += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert sum(p <= 0.05 for p in benjamini_hochberg(p_values)) == 4
    assert sum(p <= 0.05 for p in holm(p_values)) == 3


def test_one_false_find_is_as_rare_as_the_level() -> None:
    """20 tests without any effect, 2,000 times: plain p values find one in 64 %."""
    chance = random.Random(2)
    drawn = [[chance.random() for _ in range(20)] for _ in range(2000)]
    assert fmean(min(p_values) <= 0.05 for p_values in drawn) > 0.6
    for adjust in (holm, benjamini_hochberg):
        finds = fmean(min(adjust(p_values)) <= 0.05 for p_values in drawn)
        assert finds == pytest.approx(0.05, abs=0.015)


def test_only_probabilities_are_p_values() -> None:
    """Anything else is a mistake of the caller; no tests have no p values."""
    with pytest.raises(ValueError, match=r"1\.5 is no"):
        holm([0.1, 1.5])
    assert holm([]) == benjamini_hochberg([]) == []
