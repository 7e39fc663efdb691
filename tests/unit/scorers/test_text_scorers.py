"""Text scorers: exact, keywords, regex, JSON; what counts and what does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import ConfigError
from llmlab_pytest.scorers import (
    contains_all,
    contains_any,
    contains_none,
    exact,
    json_schema,
    regex,
)
from llmlab_pytest.scorers._normalise import NORMALISERS, normaliser_of


@pytest.mark.parametrize(
    ("normalise", "text", "target", "value"),
    [
        (["strip"], " Paris\n", "Paris", 1.0),
        (["strip"], "paris", "Paris", 0.0),
        (["strip"], "Paris.", "Paris", 0.0),
        ([], " Paris", "Paris", 0.0),
        (["casefold"], "STRASSE", "Straße", 1.0),
        (["whitespace"], "a \n\t b", "a b", 1.0),
        (["punctuation"], "Paris!", "Paris", 1.0),
        (["articles"], "The cat and a dog", "cat and dog", 1.0),
        (["articles"], "Theatre", "atre", 0.0),
        (["unicode"], "ﬁve ①", "five 1", 1.0),
        (["thousands"], "1,234,567", "1234567", 1.0),
        (["thousands"], "1,23", "123", 0.0),
        (["casefold", "punctuation", "articles"], "The Eiffel-Tower", "eiffeltower", 1),
        (["strip"], "42", 42, 1.0),
        (["strip"], "b", ("a", "b"), 1.0),
        (["strip"], "", "", 1.0),
    ],
)
def test_exact_normalises_both_sides(
    normalise: list[str], text: str, target: Any, value: float
) -> None:
    """The text equals a target after the named normalisers, and not otherwise."""
    score: Any = exact(normalise=normalise)(text, target)
    assert score.value == value
    assert (score.explanation is None) == (value == 1)


@given(text=st.text(), names=st.permutations(sorted(NORMALISERS)))
def test_a_text_equals_itself_under_any_normalisers(
    text: str, names: list[str]
) -> None:
    """Normalising is a function of the text alone."""
    score: Any = exact(normalise=names)(text, text)
    assert score.value == 1.0


@given(text=st.text(), name=st.sampled_from(sorted(NORMALISERS)))
def test_normalisers_are_idempotent(text: str, name: str) -> None:
    """Twice is the same as once."""
    once = normaliser_of([name])(text)
    assert normaliser_of([name])(once) == once


@pytest.mark.parametrize(
    ("factory", "text", "keywords", "options", "value"),
    [
        (contains_any, "It is PARIS.", ["Paris"], {}, 1.0),
        (contains_any, "It is PARIS.", ["Paris"], {"case_sensitive": True}, 0.0),
        (contains_any, "cowboy", ["cow"], {}, 1.0),
        (contains_any, "cowboy", ["cow"], {"whole_word": True}, 0.0),
        (contains_any, "a C++ book", ["c++"], {"whole_word": True}, 1.0),
        (contains_any, "müde", ["üd"], {"whole_word": True}, 0.0),
        (contains_any, "x", [], {}, 0.0),
        (contains_all, "red and blue", ["red", "blue"], {}, 1.0),
        (contains_all, "red and green", ["red", "blue"], {}, 0.0),
        (contains_none, "all fine", ["sorry", "cannot"], {}, 1.0),
        (contains_none, "I cannot", ["sorry", "cannot"], {}, 0.0),
    ],
)
def test_keywords(
    factory: Any, text: str, keywords: list[str], options: dict[str, bool], value: float
) -> None:
    """Keywords are found as asked: any, all or none; by case; by whole words."""
    assert factory(keywords=keywords, **options)(text).value == value


def test_keywords_default_to_the_targets() -> None:
    """Without keywords the sample's accepted answers are looked for."""
    score: Any = contains_any()("It is Kyiv.", ("Kiev", "Kyiv"))
    assert (score.value, score.answer) == (1.0, "Kyiv")
    missed: Any = contains_all()("It is Kyiv.", ("Kiev", "Kyiv"))
    assert missed.explanation == "found 'Kyiv'; missing 'Kiev'"
    with pytest.raises(ConfigError, match="no target"):
        contains_any()("x", None)
    with pytest.raises(ConfigError, match="takes a list"):
        contains_any(keywords="Paris")


def test_regex_answers_with_a_group() -> None:
    """The pattern is searched, or must match all; a group becomes the answer."""
    score: Any = regex(pattern=r"(\d+) apples", group=1)("There are 12 apples.")
    assert (score.value, score.answer) == (1.0, "12")
    whole: Any = regex(pattern=r"\d+", full=True)
    assert whole("12").value == 1.0
    assert whole("12 apples").value == 0.0
    from_target: Any = regex()("abc", "^a.c$")
    assert from_target.value == 1.0
    with pytest.raises(ConfigError, match="no regular expression"):
        regex(pattern="(")


SCHEMA = {
    "type": "object",
    "required": ["name", "age"],
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
}


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ('{"name": "Ann", "age": 3}', 1.0, None),
        ('Sure!\n```json\n{"name": "Ann", "age": 3}\n```\nBye.', 1.0, None),
        ('```\n{"name": "Ann", "age": 3}\n```', 1.0, None),
        ('{"name": "Ann"}', 0.0, "'age' is a required property"),
        ('{"name": 1, "age": "x"}', 0.0, "$.name: 1 is not of type 'string'"),
        ("Ann is 3", 0.0, "not JSON"),
        ("", 0.0, "not JSON"),
        ("[1]", 0.0, "is not of type 'object'"),
    ],
)
def test_json_schema(text: str, value: float, shown: str | None) -> None:
    """JSON is found plain or fenced, and every violation names its place."""
    score: Any = json_schema(schema=SCHEMA)(text)
    assert score.value == value
    assert score.explanation is None if shown is None else shown in score.explanation


def test_json_schema_reads_files_and_refuses_bad_schemas(tmp_path: Any) -> None:
    """A schema may be a file; one that is none is a configuration error."""
    file = tmp_path / "schema.json"
    file.write_text('{"type": "integer"}')
    score: Any = json_schema(schema=str(file))("7")
    assert score.value == 1.0
    with pytest.raises(ConfigError, match=r"missing\.json"):
        json_schema(schema=str(tmp_path / "missing.json"))
    with pytest.raises(ConfigError, match="Not a JSON Schema"):
        json_schema(schema={"type": "nonsense"})
    strict: Any = json_schema(schema={"type": "integer"}, fenced=False)
    assert strict("```json\n7\n```").value == 0.0
