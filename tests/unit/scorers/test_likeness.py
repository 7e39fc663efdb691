"""Edits and common words: the library's figures, and the laws of a likeness."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from llmlab_pytest.core import ConfigError
from llmlab_pytest.scorers import edit_distance, edit_similarity, score, token_ratio

RATIOS = {
    "kept": fuzz.ratio,
    "sorted": fuzz.token_sort_ratio,
    "set": fuzz.token_set_ratio,
}
MEASURES = [edit_similarity(), *(token_ratio(order=order) for order in RATIOS)]


@given(text=st.text(), target=st.text())
def test_figures_are_rapidfuzz(text: str, target: str) -> None:
    """Each measure is the library's, on a scale from 0 to 1."""
    similarity = Levenshtein.normalized_similarity(text, target)
    assert score(text, edit_similarity(), target=target).value == similarity
    for order, ratio in RATIOS.items():
        found = score(text, token_ratio(order=order), target=target).value
        assert found == pytest.approx(ratio(text, target) / 100)


@given(text=st.text(), other=st.text())
def test_likeness_is_bounded_symmetric_and_1_for_equals(text: str, other: str) -> None:
    """From 0 to 1, either way round; a text with words is all like itself."""
    for measure in MEASURES:
        there = score(text, measure, target=other).value
        assert there is not None
        assert 0 <= there <= 1
        assert score(other, measure, target=text).value == pytest.approx(there)
    assert score(text, edit_similarity(), target=text).value == 1.0


@given(text=st.text(), other=st.text(), third=st.text())
def test_edits_obey_the_triangle(text: str, other: str, third: str) -> None:
    """By way of a third text there are never fewer edits."""
    edits = [
        Levenshtein.distance(*pair)
        for pair in ((text, third), (third, other), (text, other))
    ]
    within = edit_distance(max_edits=edits[0] + edits[1])
    assert score(text, within, target=other).value == 1.0
    if edits[2]:
        less = edit_distance(max_edits=edits[2] - 1)
        assert score(text, less, target=other).value == 0.0


def test_nearest_target_counts() -> None:
    """Of several targets the one counts that the text is most like."""
    found = score("kitten", edit_similarity(), target=("dog", "sitting"))
    assert found.value == pytest.approx(1 - 3 / 7)
    assert found.explanation == "nearest to 'sitting'"
    far = score("kitten", edit_distance(max_edits=2), target=("dog", "sitting"))
    assert far.explanation == "3 edits from 'sitting', at most 2"


def test_both_sides_are_normalised_first() -> None:
    """Normalisers work as in `exact`; words count in any order where asked."""
    folded: Any = edit_distance(max_edits=0, normalise=["casefold", "punctuation"])
    assert folded("Paris!", "paris").value == 1.0
    assert score("b a", token_ratio(order="sorted"), target="a b").value == 1.0
    assert score("b a", token_ratio(order="kept"), target="a b").value != 1.0
    subset = score("a b c", token_ratio(order="set"), target="a b")
    assert subset.value == 1.0


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: edit_distance(max_edits=-1), "max_edits is -1"),
        (lambda: edit_distance(max_edits=1, normalise=["lower"]), "normaliser"),
        (lambda: token_ratio(order="any"), "kept, sorted, set"),
        (lambda: score("a", token_ratio()), "no target"),
    ],
    ids=["edits", "normaliser", "order", "target"],
)
def test_wrong_setting_is_refused(make: Any, shown: str) -> None:
    """What cannot be compared is a configuration error."""
    with pytest.raises(ConfigError, match=shown):
        make()
