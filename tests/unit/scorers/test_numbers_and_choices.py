"""Numbers and letters in prose: what a text says, and that nothing is guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import ConfigError, Sample
from llmlab_pytest.scorers import choice, numeric
from llmlab_pytest.scorers._choice import letters_in
from llmlab_pytest.scorers._numeric import numbers_in

WORDS = st.text(st.characters(categories=("Ll",)), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It costs $1,234.50 in all.", [1234.5]),
        ("-$5 and $-6 and \u22127", [-5, -6, -7]),
        ("- 42 apples\n- 7 pears", [42, 7]),
        ("10-5 is 5", [10, 5, 5]),
        ("pages 3-4", [3, 4]),
        ("x=-5.", [-5]),
        ("about 50%", [50]),
        ("6.02e23 or 1E-3", [6.02e23, 1e-3]),
        ("version 3.14.15", [3.14]),
        ("5km, 3rd, A4, v2", []),
        ("#### 72", [72]),
        (r"\boxed{42}", [42]),
        (".5 and 0.5", [0.5, 0.5]),
        ("1,000,000", [1000000]),
        ("1e999", []),
        ("no number", []),
        ("", []),
    ],
)
def test_numbers_are_found(text: str, numbers: list[float]) -> None:
    """Signs, separators, exponents and currency belong to a number; units do not."""
    assert numbers_in(text) == numbers


@given(
    number=st.integers(-(10**9), 10**9),
    before=WORDS,
    after=WORDS,
    grouped=st.booleans(),
)
def test_any_integer_is_found_in_prose(
    number: int, before: str, after: str, grouped: bool
) -> None:
    """However it is written, a number between words is that number."""
    written = f"{number:,}" if grouped else str(number)
    assert numbers_in(f"{before} {written} {after}.") == [number]


@given(st.text())
def test_any_text_has_numbers_or_none(text: str) -> None:
    """The grammar is total: no text raises, and every number is finite."""
    assert all(abs(number) < float("inf") for number in numbers_in(text))


@pytest.mark.parametrize(
    ("options", "text", "target", "value"),
    [
        ({}, "First 3, then 4.", 4, 1.0),
        ({}, "First 3, then 4.", 3, 0.0),
        ({"pick": "first"}, "First 3, then 4.", 3, 1.0),
        ({}, "3.14", 3.14159, 0.0),
        ({"rel_tol": 0.01}, "3.14", 3.14159, 1.0),
        ({"abs_tol": 0.5}, "0.4", 0, 1.0),
        ({}, "1,000", "1000", 1.0),
        ({}, "7", ("6", "7"), 1.0),
        ({}, "none", 1, 0.0),
    ],
)
def test_numeric_compares_with_tolerance(
    options: dict[str, Any], text: str, target: Any, value: float
) -> None:
    """The last number of the text is compared, unless the first is asked for."""
    score: Any = numeric(**options)(text, target)
    assert score.value == value


def test_numeric_refuses_what_is_no_number() -> None:
    """A target without a number is an error of the data, not a miss."""
    with pytest.raises(ConfigError, match="'twelve' is not one number"):
        numeric()("12", "twelve")
    with pytest.raises(ConfigError, match="'last' or 'first'"):
        numeric(pick="best")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("B", ["B"]),
        ("(B)", ["B"]),
        ("**B**", ["B"]),
        ("B.\nBecause of rain.", ["B"]),
        ("The answer is B.", ["B"]),
        ("the answer is b", ["B"]),
        ("Answer:\nB", ["B"]),
        ("**Answer: B**", ["B"]),
        (r"So it is \boxed{B}", ["B"]),
        ("The correct option is (B) since A is wrong", ["B"]),
        ("I'd choose B", ["B"]),
        ("Option A is wrong. The answer is option B: rain", ["B"]),
        ("The answer is A. No, the answer is B.", ["B"]),
        ("A) sun\nB) rain\nAnswer: B", ["B"]),
        ("The answer is A because it rains", ["A"]),
        ("The answer is A or B", ["A", "B"]),
        ("The answer is (A) or (B).", ["A", "B"]),
        ("A) and B) are right", ["A"]),
        ("The answer is a dog.", []),
        ("Answer: A dog", []),
        ("A dog barks because I said so", []),
        ("It could be A or B", []),
        ("I do not know", []),
        ("", []),
    ],
)
def test_letters_are_picked_not_guessed(text: str, letters: list[str]) -> None:
    """Stated letters count; articles, pronouns and asides do not."""
    assert letters_in(text) == letters


@given(
    letter=st.sampled_from("ABCD"),
    form=st.sampled_from(
        [
            "{}",
            "({})",
            "{}.",
            "Answer: {}",
            "The answer is {}.",
            "the answer is: **{}**",
        ]
    ),
)
def test_every_usual_form_is_read(letter: str, form: str) -> None:
    """The forms that models are asked for are read for each letter, A included."""
    assert letters_in(form.format(letter)) == [letter]


def test_choice_scores_letters_indices_and_texts() -> None:
    """The target is a letter or an index; the text of a choice picks it too."""
    sample = Sample(id="s", input="", choices=("red", "blue"))
    score: Any = choice()
    assert score("The answer is B", 1, sample).value == 1.0
    assert score("It is blue.", 1, sample).value == 1.0
    assert score("red or blue", 1, sample).value == 0.0
    assert score("Z", 1, sample).answer is None
    assert score("B", "b").value == 1.0
    assert score("C", "b").explanation == "expected B, picked C"
    with pytest.raises(ConfigError, match="no choice"):
        score("B", "blue", sample)
