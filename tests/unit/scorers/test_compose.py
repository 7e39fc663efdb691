"""Scorers of scorers: the laws of all, any, not and weighted; names and coroutines."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import Completion, ConfigError, Sample, Score
from llmlab_pytest.scorers import (
    all_of,
    any_of,
    apply_scorer,
    bleu,
    exact,
    make_scorer,
    negate,
    regex,
    score,
    scorer_registry,
    threshold,
    weighted,
)

Value = float | None
SIXTEENTHS = st.integers(0, 16).map(lambda n: n / 16)  # 1 minus one is exact
VALUES = st.lists(st.none() | SIXTEENTHS, min_size=1, max_size=5)


def gives(value: Value) -> Callable[..., Value]:
    """Return a scorer that always gives this value."""

    def constant(completion: Completion) -> Value:
        return value

    return constant


def gives_later(value: Value) -> Callable[..., Any]:
    async def constant(completion: Completion) -> Value:
        return value

    return constant


def value_of(scorer: Any) -> Value:
    return score("text", scorer).value


@pytest.mark.parametrize(
    ("values", "of_all", "of_any", "mean"),
    [
        ([1.0, 1.0], 1.0, 1.0, 1.0),
        ([1.0, 0.0], 0.0, 1.0, 0.5),
        ([0.0, 0.0], 0.0, 0.0, 0.0),
        ([0.25, 0.75], 0.25, 0.75, 0.5),
        ([True, 0], 0.0, 1.0, 0.5),
        ([None, 1.0], None, 1.0, None),
        ([None, 0.0], 0.0, None, None),
        ([None, 0.5], None, None, None),
        ([None], None, None, None),
    ],
    ids=str,
)
def test_values_combine_as_stated(
    values: list[Value], of_all: Value, of_any: Value, mean: Value
) -> None:
    """All is the lowest, any the highest; `None` counts unless the others decide."""
    parts = [gives(value) for value in values]
    assert value_of(all_of(parts)) == of_all
    assert value_of(any_of(parts)) == of_any
    assert value_of(weighted(parts)) == mean


@given(values=VALUES)
def test_de_morgan_holds(values: list[Value]) -> None:
    """Not all is the same as some not, and not any the same as all not."""
    parts = [gives(value) for value in values]
    nots = [negate(part) for part in parts]
    assert value_of(negate(all_of(parts))) == value_of(any_of(nots))
    assert value_of(negate(any_of(parts))) == value_of(all_of(nots))


@given(values=VALUES, data=st.data())
def test_order_of_parts_changes_nothing(values: list[Value], data: Any) -> None:
    """Parts commute, and one that says the same twice says it once."""
    shuffled = data.draw(st.permutations(values))
    for combine in (all_of, any_of):
        once = value_of(combine([gives(value) for value in values]))
        assert value_of(combine([gives(value) for value in shuffled])) == once
        twice = [gives(value) for value in [*values, *values]]
        assert value_of(combine(twice)) == once


@given(
    values=st.lists(st.floats(0, 1), min_size=1, max_size=5),
    weights=st.lists(st.floats(0.01, 100), min_size=5, max_size=5),
)
def test_weighted_mean_lies_between_its_parts(
    values: list[float], weights: list[float]
) -> None:
    """The mean is within the lowest and the highest part, but for rounding."""
    parts = [gives(value) for value in values]
    mean = value_of(weighted(parts, weights=weights[: len(parts)]))
    assert mean is not None
    assert min(values) - 1e-12 <= mean <= max(values) + 1e-12
    assert 0.0 <= mean <= 1.0


def test_weights_count() -> None:
    """Each part counts by its weight; one of weight 0 may even have no value."""
    assert value_of(weighted([gives(1), gives(0)], weights=[3, 1])) == 0.75
    assert value_of(weighted([gives(None), gives(0.5)], weights=[0, 2])) == 0.5


@given(values=VALUES, data=st.data())
def test_coroutines_give_what_functions_give(values: list[Value], data: Any) -> None:
    """Whatever parts are coroutines, the value is the same."""
    is_later = data.draw(st.lists(st.booleans(), min_size=5, max_size=5))
    mixed = [
        gives_later(value) if later else gives(value)
        for value, later in zip(values, is_later, strict=False)
    ]
    plain = [gives(value) for value in values]
    for combine in (all_of, any_of, weighted):
        assert value_of(combine(mixed)) == value_of(combine(plain))


@pytest.mark.parametrize(
    ("combine", "decisive"), [(all_of, 0.0), (any_of, 1.0)], ids=["all", "any"]
)
def test_coroutine_is_not_run_where_others_decide(
    combine: Any, decisive: float
) -> None:
    """A part that costs money is spared where a plain one decides."""
    asked = []

    async def judge(completion: Completion) -> float:
        asked.append(completion.text)
        return 0.5

    assert value_of(combine([judge, gives(decisive)])) == decisive
    assert asked == []
    assert value_of(combine([judge, gives(1 - decisive)])) == 0.5
    assert asked == ["text"]


def test_nested_coroutine_is_dropped_whole() -> None:
    """A composition inside leaves no coroutine behind that nobody awaits."""
    inner = {"name": "all_of", "scorers": [gives_later(1.0), exact()], "as": "inner"}
    scorer: Any = {"name": "all_of", "scorers": [inner, gives(0.0)]}
    assert score("text", scorer, target="text").value == 0.0


def test_explanation_names_the_parts_that_failed() -> None:
    """People see which part said no and why, and nothing of those that hold."""
    parts = [exact(), regex(pattern="Paris"), regex(pattern="^The")]
    whole = score("It is Paris.", all_of(parts), target="Paris")
    assert (whole.scorer, whole.value) == ("all_of", 0.0)
    assert whole.explanation == "exact: expected 'Paris'; regex: no match of '^The'"
    some = score("It is Paris.", any_of(parts), target="Paris")
    assert (some.value, some.answer, some.explanation) == (1.0, "Paris", None)
    never = score("It is Paris.", negate(regex(pattern="Par..")))
    assert (never.value, never.explanation) == (0.0, "regex holds: 'Paris'")
    mean = score("Paris", weighted([exact(), gives(0.5), gives(None)]), target="Paris")
    assert mean.explanation == ("constant is 0.5; constant cannot be scored: no value")


@pytest.mark.parametrize(
    ("bounds", "value", "why"),
    [
        ({"at_least": 10}, 1.0, None),
        ({"at_least": 10.5}, 0.0, "constant is 10, below 10.5"),
        ({"at_most": 10}, 1.0, None),
        ({"at_most": 9}, 0.0, "constant is 10, above 9"),
        ({"at_least": 0, "at_most": 20}, 1.0, None),
    ],
)
def test_threshold_makes_yes_and_no_of_any_scale(
    bounds: dict[str, float], value: float, why: str | None
) -> None:
    """A value passes at its bounds and between them."""
    found = score("text", threshold(gives(10), **bounds))
    assert (found.value, found.explanation) == (value, why)


def test_threshold_leaves_what_has_no_value_unscored() -> None:
    """A bound says nothing of what could not be scored."""
    assert value_of(threshold(gives(None), at_least=1)) is None


def test_card_nests_scorers_by_name_and_table() -> None:
    """Tables hold names and tables; `as` names a part in explanations."""
    spec: Any = {
        "name": "all_of",
        "scorers": [
            {"name": "negate", "scorer": {"name": "regex", "pattern": "sorry"}},
            {"name": "any_of", "scorers": ["exact", "contains_any"]},
            {
                "name": "threshold",
                "scorer": {"name": "bleu", "as": "likeness"},
                "at_least": 90,
            },
        ],
    }
    name, scorer = make_scorer(spec, scorer_registry(), where="card.toml:3")
    sample = Sample(id="s", input="", target="a b c d e")
    right = Completion(text="a b c d e", model="m")
    assert apply_scorer(name, scorer, completion=right, sample=sample).value == 1.0
    wrong = Completion(text="sorry: a b c d e", model="m")
    score_ = apply_scorer(name, scorer, completion=wrong, sample=sample)
    assert score_.value == 0.0
    assert score_.explanation == (
        "negate: regex holds: 'sorry'; threshold: likeness is 61.48, below 90"
    )


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ({"name": "all_of", "scorers": ["exakt"]}, "card: all_of.*'exact'"),
        ({"name": "all_of", "scorers": []}, "scorers is"),
        ({"name": "all_of", "scorers": "exact"}, "scorers is"),
        ({"name": "all_of", "scorers": [3]}, "A part of all_of is 3"),
        (
            {"name": "negate", "scorer": {"name": "exact", "normalize": []}},
            "card: negate.*'normalise'",
        ),
        ({"name": "threshold", "scorer": "bleu"}, "no bound"),
        (
            {"name": "weighted", "scorers": ["exact"], "weights": [1, 2]},
            "for 1 scorers",
        ),
        ({"name": "weighted", "scorers": ["exact"], "weights": [0]}, "not all are 0"),
        ({"name": "weighted", "scorers": ["exact"], "weights": [-1]}, "at least 0"),
    ],
    ids=str,
)
def test_wrong_composition_is_refused_before_a_run(spec: Any, shown: str) -> None:
    """What cannot be composed is a configuration error that says where."""
    with pytest.raises(ConfigError, match=shown):
        make_scorer(spec, scorer_registry(), where="card")


def test_parts_on_another_scale_are_refused() -> None:
    """BLEU runs to 100: its lowest or highest with a yes or no says nothing."""
    with pytest.raises(ConfigError, match=r"In all_of, bleu is 100.*threshold"):
        all_of([exact(), bleu()])("a b c d", "a b c d")


def test_composition_is_called_like_any_scorer() -> None:
    """It works on a text and a target alone, and on the sample of a run."""
    scorer: Any = all_of([exact(), negate(regex(pattern="x"))])
    assert scorer("Paris", "Paris").value == 1.0
    found: Score = scorer("Lyon", None, Sample(id="s", input="", target="Paris"))
    assert found.explanation == "exact: expected 'Paris'"


@pytest.mark.parametrize("name", ["all_of", "threshold"])
def test_scorer_without_an_option_it_needs_is_refused(name: str) -> None:
    """Where a scorer is named alone that asks for more."""
    with pytest.raises(ConfigError, match=f"{name!r} in here lacks its option"):
        make_scorer(name, scorer_registry(), where="here")
