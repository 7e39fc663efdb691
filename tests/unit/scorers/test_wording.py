"""Ends of a text, one option of several, and lengths in six units."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import Completion, ConfigError, Sample
from llmlab_pytest.scorers import (
    ends_with,
    length,
    negate,
    one_of,
    score,
    starts_with,
    stop_reason,
)


@pytest.mark.parametrize(
    ("scorer", "text", "target", "value"),
    [
        (starts_with(), "  Paris is it", "paris", 1.0),
        (starts_with(), "In Paris", "Paris", 0.0),
        (starts_with(), "Lyon", ("Paris", "Lyon"), 1.0),
        (starts_with(case_sensitive=True), "paris", "Paris", 0.0),
        (starts_with(prefixes=["Yes", "No"]), "no, it is not", None, 1.0),
        (starts_with(prefixes=["Yes", "No"]), "Maybe", "Maybe", 0.0),
        (ends_with(), "It is Paris.\n", "paris.", 1.0),
        (ends_with(), "It is Paris.", "Paris", 0.0),
        (ends_with(suffixes=["?"]), "Is it?  ", None, 1.0),
        (ends_with(suffixes=["STRASSE"]), "die Straße", None, 1.0),
        (ends_with(), "", "x", 0.0),
    ],
)
def test_ends_of_a_text(scorer: Any, text: str, target: Any, value: float) -> None:
    """White space around the text does not count, case only where asked."""
    assert scorer(text, target).value == value


def test_ends_say_what_they_found() -> None:
    """The miss shows the end of the text and what was looked for."""
    begun: Any = starts_with(prefixes=["Yes", "No"])("Perhaps it is. " * 9)
    assert begun.explanation == (
        "the text begins 'Perhaps it is. Perhaps it is. Perhaps it', "
        "expected 'Yes' or 'No'"
    )
    ended: Any = ends_with()("It is Lyon.", "Paris.")
    assert ended.explanation == "the text ends 'It is Lyon.', expected 'Paris.'"


@given(text=st.text(), end=st.text(min_size=1))
def test_text_made_of_an_end_has_it(text: str, end: str) -> None:
    """A text with the end put on it starts, or ends, with it."""
    end = end.strip() or "x"
    assert score(end + text, starts_with(prefixes=[end])).value == 1.0
    assert score(text + end, ends_with(suffixes=[end])).value == 1.0


MOODS = ["positive", "negative", "neutral", "very positive"]


@pytest.mark.parametrize(
    ("text", "target", "value", "answer"),
    [
        ("Positive.", "positive", 1.0, "positive"),
        ("It is positive, clearly positive", "positive", 1.0, "positive"),
        ("It is positive", "negative", 0.0, "positive"),
        ("It is positive", None, 1.0, "positive"),
        ("very positive!", "very positive", 1.0, "very positive"),
        ("very positive!", "positive", 0.0, "very positive"),
        ("positive or negative", "positive", 0.0, None),
        ("positively", "positive", 0.0, None),
        ("I cannot say", None, 0.0, None),
        ("NEGATIVE", 1, 1.0, "negative"),
    ],
)
def test_one_option_is_named(
    text: str, target: Any, value: float, answer: str | None
) -> None:
    """Exactly one option, as a whole word, the longest first, and the right one."""
    found: Any = one_of(options=MOODS)(text, target)
    assert (found.value, found.answer) == (value, answer)


def test_options_are_the_choices_of_the_sample() -> None:
    """Without options of its own it takes the sample's; the miss names all it found."""
    sample = Sample(id="s", input="", target=1, choices=("cow", "hen"))
    assert score("The hen.", one_of(), sample=sample).value == 1.0
    missed = score("A cow or a hen?", one_of(), sample=sample)
    assert missed.explanation == "named 'cow' and 'hen', expected 'hen'"
    none = score("Neither", one_of(case_sensitive=True), sample=sample)
    assert none.explanation == "named none of the options, expected 'hen'"


@pytest.mark.parametrize(
    ("reason", "options", "value"),
    [
        ("stop", {}, 1.0),
        ("length", {}, 0.0),
        ("length", {"reasons": ["stop", "length"]}, 1.0),
        ("content_filter", {"reasons": ["tool_calls"]}, 0.0),
    ],
)
def test_answer_ends_as_it_should(reason: Any, options: Any, value: float) -> None:
    """An answer that was cut off is told by how it ended."""
    answer = Completion(text="x", model="m", stop_reason=reason)
    found = score(answer, stop_reason(**options))
    assert (found.value, found.answer) == (value, reason)
    assert (found.explanation is None) == (value == 1)
    assert score("x", stop_reason(**options)).value is None


TEXT = "One, two.\n\nThree: ü!\nFour\n\n \n"


@pytest.mark.parametrize(
    ("unit", "count"),
    [
        ("words", 5),
        ("characters", 29),
        ("bytes", 30),
        ("sentences", 3),
        ("lines", 6),
        ("paragraphs", 2),
    ],
)
def test_length_is_counted_in_units(unit: str, count: int) -> None:
    """Each unit counts as its description says; bounds themselves pass."""
    exactly: Any = length(unit=unit, at_least=count, at_most=count)(TEXT)
    assert (exactly.value, exactly.answer) == (1.0, f"{count} {unit}")
    less: Any = length(unit=unit, at_least=count + 1)(TEXT)
    assert less.explanation == f"{count} {unit}, at least {count + 1} are asked for"
    more: Any = length(unit=unit, at_most=count - 1)(TEXT)
    assert more.explanation == f"{count} {unit}, at most {count - 1} are asked for"


@given(text=st.text(), bound=st.integers(0, 20))
def test_length_is_below_or_above_a_bound(text: str, bound: int) -> None:
    """At most n is the same as not at least n + 1, in every unit."""
    for unit in ("words", "characters", "bytes", "lines", "paragraphs"):
        most = length(unit=unit, at_most=bound)
        least = negate(length(unit=unit, at_least=bound + 1))
        assert score(text, most).value == score(text, least).value


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (length, "no bound"),
        (lambda: stop_reason(reasons=["done"]), "content_filter, length"),
        (lambda: length(unit="tokens", at_most=3), "words, characters"),
        (lambda: starts_with(prefixes="Yes"), "list of texts"),
        (lambda: ends_with(suffixes=[]), "at least one"),
        (lambda: score("a", one_of()), "has no options"),
        (lambda: score("a", one_of(options=["a"]), target="b"), "none of the options"),
    ],
    ids=["no-bound", "reason", "unit", "text", "empty", "no-options", "no-option"],
)
def test_wrong_setting_is_refused(make: Any, shown: str) -> None:
    """What cannot be checked is a configuration error."""
    with pytest.raises(ConfigError, match=shown):
        make()
