"""Options of scorers that are of a wrong type are refused where they are written."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import Completion, ConfigError, LlmlabError, Sample, Usage
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry

WRONG = ("x", [1], {"a": 1}, 1.5, True, None)
ASKED = Completion(
    text="Paris", model="m", usage=Usage(), stop_reason="stop", latency_s=0.1
)


def _options() -> Iterator[tuple[str, str]]:
    for name, factory in sorted(scorer_registry().items()):
        for parameter in inspect.signature(factory).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY:
                yield name, parameter.name


@pytest.mark.parametrize(("name", "option"), list(_options()))
def test_no_value_of_an_option_ends_in_an_error_that_explains_nothing(
    name: str, option: str
) -> None:
    """It is refused, or does its work; for every option of every scorer of ours."""
    registry = scorer_registry()
    parameters = inspect.signature(registry[name]).parameters.values()
    needed = {p.name: "x" for p in parameters if p.default is p.empty}
    sample = Sample(id="s", input="q", target="Paris")
    for value in WRONG:
        try:
            spec: Any = {"name": name, **needed, option: value}
            title, scorer = make_scorer(spec, registry, where="card.toml")
            apply_scorer(title, scorer, completion=ASKED, sample=sample)
        except LlmlabError:
            pass


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            {"name": "length", "at_most": "30"},
            "'at_most' of the scorer 'length' in card.toml:3 is .30.* a whole number",
        ),
        ({"name": "numeric", "rel_tol": True}, "is True.* a number"),
        ({"name": "contains_any", "keywords": 3}, "is 3.* a list"),
        ({"name": "contains_any", "case_sensitive": "no"}, "true or false"),
        ({"name": "rouge", "variant": 7}, "variant is 7.*One of rouge1"),
        ({"name": "regex", "pattern": ["a"]}, "a text"),
        ({"name": "regex", "pattern": "a(b)", "group": 2}, "has no group 2"),
    ],
)
def test_message_says_what_it_is_and_what_it_can_be(spec: Any, says: str) -> None:
    """And where it stands."""
    with pytest.raises(ConfigError, match=f"(?s){says}"):
        make_scorer(spec, scorer_registry(), where="card.toml:3")


@pytest.mark.parametrize("declared", ["Unknown", Path, Callable[[str], str], Any])
def test_types_of_a_scorer_that_nobody_knows_are_left_alone(declared: Any) -> None:
    """Those of functions, classes, and names that only a checker sees."""
    registry = scorer_registry()

    def own(*, count: int = 1) -> Any:
        return lambda completion: float(bool(completion)) + count

    own.__annotations__["count"] = declared
    registry.register("own", own, source="here")
    assert (
        make_scorer({"name": "own", "count": "x"}, registry, where="here")[0] == "own"
    )
