"""Likeness of two texts by edits and by common words, as rapidfuzz computes it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmlab_pytest.core import (
    ConfigError,
    Target,
    load,
    shorten,
)
from llmlab_pytest.scorers._judgement import Finding, check_choice, target_scorer
from llmlab_pytest.scorers._nearest import nearest_scorer
from llmlab_pytest.scorers._normalise import normaliser_of
from llmlab_pytest.scorers._protocol import Scorer
from llmlab_pytest.scorers._text import targets_of

_EXTRA = "scorers"
_RATIOS: Mapping[str, str] = {
    "kept": "ratio",
    "sorted": "token_sort_ratio",
    "set": "token_set_ratio",
}
_PERCENT = 100


def edit_distance(*, max_edits: int, normalise: Sequence[str] = ()) -> Scorer:
    """Score 1 if few edits make the text a target (Levenshtein 1966).

    Args:
        max_edits: how many characters may be put in, left out or replaced.
        normalise: names of normalisers, as for `exact`, applied to both sides first.

    Raises:
        ConfigError: `max_edits` is below 0, or a normaliser is unknown.
        MissingDependency: rapidfuzz is not installed.
    """
    if max_edits < 0:
        raise ConfigError(f"max_edits is {max_edits!r}.", allowed="At least 0.")
    clean = normaliser_of(normalise)
    distance = _rapidfuzz("distance.Levenshtein:distance", "edit_distance")

    def look(text: str, target: Target) -> Finding:
        answer = clean(text)
        edits = {each: distance(answer, clean(each)) for each in targets_of(target)}
        nearest = min(edits, key=edits.__getitem__)
        fault = f"{edits[nearest]} edits from {shorten(nearest)!r}, at most {max_edits}"
        return Finding(None if edits[nearest] <= max_edits else fault, answer)

    return target_scorer("edit_distance", look)


def edit_similarity(*, normalise: Sequence[str] = ()) -> Scorer:
    """Score 1 minus the share of characters to edit: 1 is equal, 0 nothing alike.

    The Levenshtein distance to the nearest target over the length of the longer text.

    Args:
        normalise: names of normalisers, as for `exact`, applied to both sides first.

    Raises:
        ConfigError: a normaliser is unknown.
        MissingDependency: rapidfuzz is not installed.
    """
    measure = _rapidfuzz(
        "distance.Levenshtein:normalized_similarity", "edit_similarity"
    )
    return nearest_scorer("edit_similarity", measure, normaliser_of(normalise))


def token_ratio(*, order: str = "sorted", normalise: Sequence[str] = ()) -> Scorer:
    """Score how alike the words are, 0 to 1: rapidfuzz's `fuzz`, which has percent.

    The insertions and deletions that make one text the other, over both lengths, taken
    from 1 (Indel).

    Args:
        order: `kept` compares the texts as they are, `sorted` with their words in
            alphabetical order, `set` the words they share with what each has besides.
        normalise: names of normalisers, as for `exact`, applied to both sides first.

    Raises:
        ConfigError: `order` or a normaliser is unknown.
        MissingDependency: rapidfuzz is not installed.
    """
    check_choice("order", order, tuple(_RATIOS))
    ratio = _rapidfuzz(f"fuzz:{_RATIOS[order]}", "token_ratio")

    def measure(text: str, target: str) -> float:
        return float(ratio(text, target)) / _PERCENT

    return nearest_scorer("token_ratio", measure, normaliser_of(normalise))


def _rapidfuzz(address: str, scorer: str) -> Callable[[str, str], Any]:
    function: Callable[[str, str], Any] = load(
        f"rapidfuzz.{address}", extra=_EXTRA, needed_by=f"the scorer {scorer}"
    )
    return function
