"""Calls of tools: names, arguments, order, none, and the schemas of the tools."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import Completion, ConfigError, Sample, Tool, ToolCall
from llmlab_pytest.scorers import (
    make_scorer,
    no_tool_calls,
    score,
    scorer_registry,
    tool_calls,
    valid_tool_calls,
)

SEARCH = {"name": "search", "arguments": {"query": "llama", "limit": 3}}


def calling(*calls: Any) -> Completion:
    """Return a completion that calls tools: names, or pairs of name and arguments."""
    pairs = [call if isinstance(call, tuple) else (call, {}) for call in calls]
    made = tuple(ToolCall(str(n), *pair) for n, pair in enumerate(pairs))
    return Completion(text="", model="m", tool_calls=made)


LLAMA = calling(("search", {"limit": 3, "query": "llama"}), "open")


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"calls": ["search", "open"]}, 1.0),
        ({"calls": ["open", "search"]}, 0.0),
        ({"calls": ["open", "search"], "order": "any"}, 1.0),
        ({"calls": ["search"]}, 0.0),
        ({"calls": ["search"], "extra": True}, 1.0),
        ({"calls": ["open"], "extra": True}, 1.0),
        ({"calls": []}, 0.0),
        ({"calls": [], "extra": True}, 1.0),
        ({"calls": ["search", "open", "read"]}, 0.0),
        ({"calls": [SEARCH, "open"]}, 1.0),
        ({"calls": [{"name": "search", "arguments": {"limit": 3}}, "open"]}, 0.0),
        (
            {
                "calls": [{"name": "search", "arguments": {"limit": 3}}, "open"],
                "arguments": "subset",
            },
            1.0,
        ),
        (
            {
                "calls": [{"name": "search", "arguments": {"limit": True}}, "open"],
                "arguments": "subset",
            },
            0.0,
        ),
        ({"calls": ["search", "search"], "order": "any"}, 0.0),
        ({"calls": ["search", "read"], "credit": "share"}, 0.5),
        ({"calls": ["search"], "credit": "share"}, 0.5),
        ({"calls": ["search"], "credit": "share", "extra": True}, 1.0),
        ({"calls": ["open", "search"], "credit": "share"}, 0.5),
        ({"calls": ["open", "search"], "credit": "share", "order": "any"}, 1.0),
        ({"calls": ["search"], "credit": "f1"}, 2 / 3),
        ({"calls": ["search"], "credit": "f1", "extra": True}, 1.0),
        ({"calls": ["read"], "credit": "f1"}, 0.0),
    ],
    ids=str,
)
def test_calls_are_compared_as_asked(options: Any, value: float) -> None:
    """Order, arguments, calls besides and partial credit each have their rule."""
    assert score(LLAMA, tool_calls(**options)).value == value


def test_most_particular_call_does_not_lose_to_a_general_one() -> None:
    """In any order, calls are matched so that as many as possible are right."""
    made = calling(("f", {"a": 1}), ("f", {"a": 2}))
    wanted = ["f", {"name": "f", "arguments": {"a": 1}}]
    assert score(made, tool_calls(calls=wanted, order="any")).value == 1.0


def test_miss_shows_both_sides() -> None:
    """People see what was called and what was asked for."""
    found = score(LLAMA, tool_calls(calls=["open", SEARCH]))
    assert found.explanation == (
        'called search(limit=3, query="llama"), open(); '
        'expected open, search(query="llama", limit=3)'
    )
    assert score("text", tool_calls(calls=["open"])).explanation == (
        "called nothing; expected open"
    )


def test_calls_of_a_row_are_its_field_or_its_target() -> None:
    """A dataset states the calls of each row; a target names tools."""
    row = Sample(
        id="s", input="", target="x", metadata={"tool_calls": [SEARCH, "open"]}
    )
    assert score(LLAMA, tool_calls(), sample=row).value == 1.0
    none = Sample(id="s", input="", metadata={"tool_calls": []})
    assert score("text", tool_calls(), sample=none).value == 1.0
    assert score(LLAMA, tool_calls(), target=("search", "open")).value == 1.0
    assert score(LLAMA, tool_calls(), target="search").value == 0.0


def test_arguments_that_are_no_json_equal_nothing() -> None:
    """What the model wrote wrongly is its miss, whatever was asked for."""
    broken = calling(("search", '{"query": '))
    assert score(broken, tool_calls(calls=[SEARCH])).value == 0.0
    assert score(broken, tool_calls(calls=["search"])).value == 1.0
    found = score(broken, valid_tool_calls(tools=[Tool("search")]))
    assert found.explanation == "search: the arguments are no JSON object"


NAMES = st.lists(st.sampled_from("abc"), max_size=6)


@given(made=NAMES, wanted=NAMES)
def test_matches_obey_their_laws(made: list[str], wanted: list[str]) -> None:
    """Order asks for more than none, all or nothing for more than a share."""
    values = {
        (order, credit): score(
            calling(*made), tool_calls(calls=wanted, order=order, credit=credit)
        ).value
        for order in ("kept", "any")
        for credit in ("all", "share", "f1")
    }
    assert values["kept", "share"] <= values["any", "share"]
    for order in ("kept", "any"):
        assert values[order, "all"] == float(values[order, "share"] == 1)
        assert values[order, "share"] <= values[order, "f1"]
    assert values["kept", "all"] == float(made == wanted)
    assert values["any", "all"] == float(sorted(made) == sorted(wanted))


def test_no_tool_calls() -> None:
    """Text alone calls nothing; a call is shown."""
    assert score("It is 4.", no_tool_calls()).value == 1.0
    assert score(calling(), no_tool_calls()).value == 1.0
    found = score(calling(("add", {"a": 2})), no_tool_calls())
    assert (found.value, found.explanation) == (0.0, "called add(a=2)")


WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


@pytest.mark.parametrize(
    "tool",
    [
        Tool("weather", "Tells it.", WEATHER),
        {"name": "weather", "parameters": WEATHER},
        {"type": "function", "function": {"name": "weather", "parameters": WEATHER}},
    ],
    ids=["record", "table", "openai"],
)
def test_calls_satisfy_the_schemas_of_the_tools(tool: Any) -> None:
    """Names exist and arguments fit; every fault of every call is told."""
    scorer = valid_tool_calls(tools=[tool])
    assert score(calling(("weather", {"city": "Rome"})), scorer).value == 1.0
    wrong = calling(("weather", {"city": 1}), "whether", "weather")
    assert score(wrong, scorer).explanation == (
        "weather: $.city: 1 is not of type 'string'; no tool is called 'whether'; "
        "weather: $: 'city' is a required property"
    )
    assert score("text", scorer).explanation == "0 calls, at least 1 are asked for"
    assert score("text", valid_tool_calls(tools=[tool], at_least=0)).value == 1.0


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ({"name": "tool_calls", "calls": "search"}, "takes a list"),
        ({"name": "tool_calls", "calls": [3]}, "'name' and a table"),
        ({"name": "tool_calls", "calls": [{"tool": "x"}]}, "'name' and a table"),
        (
            {"name": "tool_calls", "calls": [{"name": "f", "arguments": "x"}]},
            "table of 'arguments'",
        ),
        ({"name": "tool_calls", "order": "random"}, "kept, any"),
        ({"name": "tool_calls", "credit": "half"}, "all, share, f1"),
        ({"name": "tool_calls", "arguments": "some"}, "equal, subset"),
        ({"name": "valid_tool_calls", "tools": [{}]}, "has a 'name'"),
        (
            {"name": "valid_tool_calls", "tools": [{"name": "f", "parameters": 3}]},
            "Not a JSON Schema|not of type",
        ),
    ],
    ids=str,
)
def test_wrong_setting_is_refused(spec: Any, shown: str) -> None:
    """A card's mistake is found before a model is asked."""
    with pytest.raises(ConfigError, match=shown):
        make_scorer(spec, scorer_registry(), where="card")
