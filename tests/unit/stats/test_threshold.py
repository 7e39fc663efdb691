"""A threshold separates what is the same from what is not, and tells how it errs."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.stats import best_threshold

PAIRS = st.lists(
    st.tuples(st.integers(0, 10).map(lambda n: n / 10), st.booleans()),
    min_size=2,
    max_size=60,
).filter(lambda pairs: len({is_same for _, is_same in pairs}) == 2)


def test_a_clean_gap_is_cut_in_the_middle() -> None:
    """No errors; the values on both sides are as far away as can be."""
    pairs = [(0.1, False), (0.4, False), (0.8, True), (0.9, True)] * 5
    found = best_threshold(pairs)
    assert found.value == pytest.approx(0.6)
    assert (found.errors.false_accepts, found.errors.false_rejects) == (0, 0)
    assert found.auc == 1.0


@given(PAIRS)
def test_no_other_threshold_errs_less(pairs: list[tuple[float, bool]]) -> None:
    """By the sum of both rates, over all places where it could be."""
    found = best_threshold(pairs)

    def badness(threshold: float) -> float:
        same = [value < threshold for value, is_same in pairs if is_same]
        different = [value >= threshold for value, is_same in pairs if not is_same]
        return sum(same) / len(same) + sum(different) / len(different)

    others = [n / 20 - 0.025 for n in range(23)]
    assert badness(found.value) <= min(map(badness, others)) + 1e-9


@given(PAIRS, st.sampled_from([0.0, 0.05, 0.2]))
def test_false_accepts_keep_to_their_bound(
    pairs: list[tuple[float, bool]], most: float
) -> None:
    """However many right ones fail then."""
    found = best_threshold(pairs, most_false_accepts=most).errors
    assert found.false_accepts <= most * found.different


@given(PAIRS)
def test_auc_is_that_of_sklearn(pairs: list[tuple[float, bool]]) -> None:
    """Ties count one half."""
    metrics = pytest.importorskip("sklearn.metrics", reason="comes with [local]")
    values, same = zip(*pairs, strict=True)
    theirs = metrics.roc_auc_score(same, values)
    assert best_threshold(pairs).auc == pytest.approx(theirs)


def test_rates_on_other_pairs_are_not_too_good() -> None:
    """Noise: on the pairs that chose it a threshold looks useful, on others not."""
    chance = random.Random(3)
    seen, tried = [], []
    for _ in range(60):
        pairs = [(chance.random(), n % 2 == 0) for n in range(40)]
        found = best_threshold(pairs)
        for rates, errors in ((seen, found.errors), (tried, found.tried)):
            accepts = errors.false_accepts / errors.different
            rates.append(accepts + errors.false_rejects / errors.same)
    assert sum(seen) / 60 < 0.85
    assert sum(tried) / 60 == pytest.approx(1.0, abs=0.08)


def test_one_kind_alone_has_no_threshold() -> None:
    """There is nothing to separate."""
    with pytest.raises(ValueError, match="2 same and 0 different"):
        best_threshold([(0.1, True), (0.2, True)])
