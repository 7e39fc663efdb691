"""assert_*: what they accept, what they say, and what the trace shows."""

from collections.abc import Callable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from llmlab_pytest import (
    Completion,
    LlmAssertionError,
    Sample,
    Score,
    Usage,
    assert_choice,
    assert_contains_all,
    assert_contains_any,
    assert_contains_none,
    assert_exact,
    assert_json_schema,
    assert_numeric,
    assert_regex,
    assert_score,
)
from llmlab_pytest.scorers import all_of, bleu, exact, regex, ter

LONG = "It was the best of times, it was the worst of times. " * 40
SCHEMA = {"type": "object", "required": ["city", "country"]}
CAT = "the cat sat on the mat"
LETTERS = Sample(id="s", input="", choices=("a", "b"))


def reply(text: str) -> Completion:
    return Completion(
        text=text, model="m", usage=Usage(), stop_reason="stop", latency_s=0.1
    )


def is_loud(completion: Completion) -> bool:
    return completion.text.isupper()


async def is_loud_later(completion: Completion) -> bool:
    return is_loud(completion)


HOLD: dict[str, Callable[[], Any]] = {
    "exact": lambda: assert_exact(" Paris ", "Paris"),
    "exact-any": lambda: assert_exact("b", ("a", "b")),
    "exact-fold": lambda: assert_exact("PARIS", "paris", normalise=["casefold"]),
    "any": lambda: assert_contains_any("In Paris.", ["paris", "Lyon"]),
    "all": lambda: assert_contains_all("red, blue", ["red", "blue"]),
    "none": lambda: assert_contains_none("fine", ["sorry"]),
    "regex": lambda: assert_regex("born 1969", r"\d{4}"),
    "numeric": lambda: assert_numeric("about 3.14", 3.1416, abs_tol=0.01),
    "choice": lambda: assert_choice("The answer is B", "B"),
    "choice-index": lambda: assert_choice("blue", 1, choices=["red", "blue"]),
    "json": lambda: assert_json_schema('{"city": 1, "country": 2}', SCHEMA),
    "score": lambda: assert_score(" Paris ", "exact", target="Paris"),
    "score-table": lambda: assert_score("a1", {"name": "regex", "pattern": r"\d"}),
    "score-function": lambda: assert_score("A", is_loud),
    "score-coroutine": lambda: assert_score("A", is_loud_later),
    "score-choices": lambda: assert_score("b", "choice", target=1, sample=LETTERS),
}
FAIL: dict[str, Callable[[Any], Any]] = {
    "exact": lambda of: assert_exact(
        of("The capital is Lyon."), "The capital is Paris."
    ),
    "exact-several": lambda of: assert_exact(of("c"), ("a", "b")),
    "exact-long": lambda of: assert_exact(of(LONG + "end"), LONG + "END"),
    "any": lambda of: assert_contains_any(of("In Nice."), ["Paris", "Lyon"]),
    "all": lambda of: assert_contains_all(of("only red"), ["red", "blue"]),
    "none": lambda of: assert_contains_none(of("Sorry, no."), ["sorry", "cannot"]),
    "regex": lambda of: assert_regex(of("long ago"), r"\d{4}"),
    "regex-full": lambda of: assert_regex(of("1969 AD"), r"\d{4}", full=True),
    "numeric": lambda of: assert_numeric(of("It is 41."), 42),
    "numeric-none": lambda of: assert_numeric(of("many"), 42),
    "choice": lambda of: assert_choice(of("The answer is A or B"), "B"),
    "json": lambda of: assert_json_schema(of('{"city": "Paris"}'), SCHEMA),
    "json-none": lambda of: assert_json_schema(of("Paris"), SCHEMA),
    "empty": lambda of: assert_contains_any(of(""), ["x"]),
    "score": lambda of: assert_score(of("Nice"), exact(), target=("Paris", "Lyon")),
    "score-plain": lambda of: assert_score(of("quiet"), is_loud),
    "score-coroutine": lambda of: assert_score(of("quiet"), is_loud_later),
    "score-parts": lambda of: assert_score(
        of("Lyon, 1790"),
        all_of([exact(), regex(pattern="^Lyon"), regex(pattern="1789")]),
        target="Paris",
    ),
    "control": lambda of: assert_exact(of("\x1b[31mred\x1b[0m\n\tline"), "red"),
}


@pytest.mark.parametrize("name", HOLD)
def test_assertion_that_holds_returns_its_score(name: str) -> None:
    """The score of what holds is 1, for tests that look further."""
    assert HOLD[name]().value == 1.0


@pytest.mark.parametrize("name", FAIL)
def test_message_shows_value_expectation_and_difference(
    name: str, snapshot: SnapshotAssertion
) -> None:
    """People see what was wanted, what came, and where the two differ."""
    with pytest.raises(LlmAssertionError) as caught:
        FAIL[name](reply)
    assert str(caught.value).splitlines() == snapshot
    assert caught.value.score.value == 0.0
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("name", FAIL)
def test_strings_are_judged_like_completions(name: str) -> None:
    """Only the model's name is missing from the message of a plain string."""
    messages = []
    for of in (reply, str):
        with pytest.raises(LlmAssertionError) as caught:
            FAIL[name](of)
        messages.append(str(caught.value))
    assert messages[0].replace(" (m)", "", 1) == messages[1]


@pytest.mark.parametrize(
    ("bounds", "shown"),
    [
        ({"at_least": 60}, "bleu: is 53.73, below 60"),
        ({"at_most": 50}, "bleu: is 53.73, above 50"),
        ({"at_least": 50, "at_most": 60}, None),
        ({}, None),
    ],
    ids=["below", "above", "within", "at-least-1"],
)
def test_score_is_held_to_its_bounds(
    bounds: dict[str, float], shown: str | None
) -> None:
    """Bounds are on the scorer's own scale; without any, 1 is the least that passes."""

    def assert_likeness() -> Score:
        return assert_score("the cat sat on a mat", bleu(), target=CAT, **bounds)

    if shown is None:
        assert assert_likeness().value == pytest.approx(53.7285)
        return
    with pytest.raises(LlmAssertionError) as caught:
        assert_likeness()
    assert shown in str(caught.value)
    assert caught.value.score.value == pytest.approx(53.7285)


def test_score_that_is_best_at_zero_takes_an_upper_bound() -> None:
    """TER counts edits, so it passes at most at a number."""
    assert assert_score("the cat", ter(), target="the cat", at_most=0).value == 0.0
    with pytest.raises(LlmAssertionError, match="ter: is 50, above 10"):
        assert_score("the dog", ter(), target="the cat", at_most=10)


def test_score_without_a_value_does_not_pass() -> None:
    """What cannot be scored has not been shown to hold."""
    with pytest.raises(LlmAssertionError, match="unsure: cannot be scored: no value"):
        assert_score("text", unsure)


def unsure(completion: Completion) -> None:
    """Score nothing."""


def test_message_holds_no_secret() -> None:
    """A key that a model repeats is not printed."""
    with pytest.raises(LlmAssertionError) as caught:
        assert_exact("your key is sk-abcdefghijklmnopqrstuvwx", "nothing")
    assert "abcdefghijkl" not in str(caught.value)


def test_trace_ends_in_the_test(pytester: pytest.Pytester) -> None:
    """Our frames are hidden from a failed assertion."""
    pytester.makepyfile(
        "from llmlab_pytest import assert_contains_any\n"
        "def test_it():\n"
        "    assert_contains_any('In Nice.', ['Paris'])\n"
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    said = result.stdout.str()
    assert ">       assert_contains_any('In Nice.', ['Paris'])\nE   " in said
    assert "E       llmlab_pytest.LlmAssertionError: contains_any: found none" in said
    assert "_assertions" not in said
