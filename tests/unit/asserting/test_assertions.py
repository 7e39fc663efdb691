"""assert_*: what they accept, what they say, and what the trace shows."""

from collections.abc import Callable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from llmlab_pytest import (
    Completion,
    LlmAssertionError,
    Usage,
    assert_choice,
    assert_contains_all,
    assert_contains_any,
    assert_contains_none,
    assert_exact,
    assert_json_schema,
    assert_numeric,
    assert_regex,
)

LONG = "It was the best of times, it was the worst of times. " * 40
SCHEMA = {"type": "object", "required": ["city", "country"]}


def reply(text: str) -> Completion:
    return Completion(
        text=text, model="m", usage=Usage(), stop_reason="stop", latency_s=0.1
    )


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
