"""Scorers of the tools that a model calls: which, with what, in which order.

They look at `completion.tool_calls`, which a plain text has none of. Left out: calls
that a model writes into its text.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    Json,
    Sample,
    Score,
    Target,
    Tool,
    ToolCall,
    shorten,
)
from llmlab_pytest.scorers._judgement import Finding, check_choice, judged
from llmlab_pytest.scorers._protocol import Scorer
from llmlab_pytest.scorers._schema import Check, schema_check
from llmlab_pytest.scorers._text import targets_of

CallSpec = str | Mapping[str, Json]
"""A tool's name, or a table with `name` and `arguments`."""

_FIELD = "tool_calls"
_MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A call that is asked for; without arguments any will do."""

    name: str
    arguments: Mapping[str, Json] | None = None

    def __str__(self) -> str:
        if self.arguments is None:
            return self.name
        return f"{self.name}({_written(self.arguments)})"


def tool_calls(
    *,
    calls: Sequence[CallSpec] | None = None,
    order: str = "kept",
    arguments: str = "equal",
    extra: bool = False,
    credit: str = "all",
) -> Scorer:
    """Score 1 if the model calls the tools that are asked for.

    Args:
        calls: names, or tables with `name` and `arguments`; none at all if empty. By
            default the row's field `tool_calls`, a list of the same, else the target: a
            name, or several.
        order: `kept`: they come in this order; `any`: in any.
        arguments: `equal`: those of a call are exactly the given ones; `subset`: there
            may be more of them. Where none are given, any will do.
        extra: whether other calls may come between.
        credit: what a part of the calls is worth. `all`: nothing. `share`: the matched
            ones over those asked for, or over those made if they are more and no others
            may come. `f1`: the F1 of those made and those asked for.

    Raises:
        ConfigError: an option or a call is not as stated.
    """
    check_choice("order", order, ("kept", "any"))
    check_choice("arguments", arguments, ("equal", "subset"))
    check_choice("credit", credit, tuple(_CREDITS))
    fixed = None if calls is None else _wanted_calls(calls, "calls")
    count = _in_order if order == "kept" else _in_any_order

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        wanted = _calls_of_row(target, sample) if fixed is None else fixed
        made = _calls_in(completion)
        fits = [[_fits(call, each, arguments) for each in made] for call in wanted]
        matched = count(fits, len(made))
        # Calls besides do not count where they may come.
        others = 0 if extra else len(made) - matched
        value = _CREDITS[credit](matched, len(wanted), matched + others)
        fault = None if value == 1 else _difference(wanted, made)
        return Score(
            scorer="tool_calls",
            value=value,
            answer=", ".join(map(_told, made)) or None,
            explanation=fault,
        )

    return score


def no_tool_calls() -> Scorer:
    """Score 1 if the model calls no tool."""

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del target, sample
        made = ", ".join(map(_told, _calls_in(completion)))
        return judged(
            "no_tool_calls", Finding(f"called {made}" if made else None, made or None)
        )

    return score


def valid_tool_calls(
    *, tools: Sequence[Tool | Mapping[str, Any]], at_least: int = 1
) -> Scorer:
    """Score 1 if every call names a tool, and its arguments satisfy the tool's schema.

    Args:
        tools: what may be called: `Tool`, or tables with `name` and `parameters`, a
            JSON Schema; OpenAI's form, with these in `function`, is one too.
        at_least: how many calls there must be.

    Raises:
        ConfigError: a tool has no name, or its parameters are no JSON Schema.
    """
    checks = dict(map(_tool_check, tools))

    def fault_of(call: ToolCall) -> str | None:
        if call.name not in checks:
            return f"no tool is called {call.name!r}"
        if not call.is_valid:
            return f"{call.name}: the arguments are no JSON object"
        faults = checks[call.name](call.arguments)
        return f"{call.name}: {', '.join(faults)}" if faults else None

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del target, sample
        made = _calls_in(completion)
        faults = [fault for fault in map(fault_of, made) if fault]
        if len(made) < at_least:
            faults.append(f"{len(made)} calls, at least {at_least} are asked for")
        answer = ", ".join(map(_told, made)) or None
        return judged("valid_tool_calls", Finding("; ".join(faults) or None, answer))

    return score


def _calls_in(completion: Completion | str) -> tuple[ToolCall, ...]:
    return () if isinstance(completion, str) else completion.tool_calls


def _calls_of_row(target: Target, sample: Sample | None) -> Sequence[_Wanted]:
    given = sample.metadata.get(_FIELD) if sample else None
    if given is not None:
        return _wanted_calls(given, f"the field {_FIELD!r}")
    return [_Wanted(name) for name in targets_of(target)]


def _wanted_calls(calls: Any, where: str) -> Sequence[_Wanted]:
    if not isinstance(calls, (list, tuple)):
        raise ConfigError(f"{where} is {calls!r}.", allowed="It takes a list.")
    return [_wanted_call(call, where) for call in calls]


def _wanted_call(call: Any, where: str) -> _Wanted:
    match call:
        case str():
            return _Wanted(call)
        case {"name": str(name), **others} if others.keys() <= {"arguments"}:
            arguments = others.get("arguments")
            if arguments is None or isinstance(arguments, Mapping):
                return _Wanted(name, arguments)
    raise ConfigError(
        f"{where} has {call!r}.",
        allowed="A call is a name, or a table with 'name' and a table of 'arguments'.",
    )


def _fits(wanted: _Wanted, call: ToolCall, arguments: str) -> bool:
    if call.name != wanted.name:
        return False
    if wanted.arguments is None:
        return True
    if isinstance(call.arguments, str):
        return False
    if arguments == "equal":
        return _plain(call.arguments) == _plain(wanted.arguments)
    return all(
        name in call.arguments and _plain(call.arguments[name]) == _plain(value)
        for name, value in wanted.arguments.items()
    )


def _plain(value: Any) -> str:
    """Return JSON by which values are compared: true is not 1, a tuple is a list."""
    return json.dumps(value, sort_keys=True, default=dict)


def _all_or_nothing(matched: int, wanted: int, made: int) -> float:
    return float(matched == wanted == made)


def _share(matched: int, wanted: int, made: int) -> float:
    return matched / max(wanted, made) if wanted or made else 1.0


def _f1(matched: int, wanted: int, made: int) -> float:
    return 2 * matched / (wanted + made) if wanted or made else 1.0


_CREDITS: Mapping[str, Callable[[int, int, int], float]] = {
    "all": _all_or_nothing,
    "share": _share,
    "f1": _f1,
}
"""From how many calls match, are asked for, and are made, to a value."""


def _in_order(fits: Sequence[Sequence[bool]], made: int) -> int:
    """Return how many calls match in order: the longest common subsequence."""
    best = [0] * (made + 1)
    for row in fits:
        before = best
        best = [0]
        for n, is_fit in enumerate(row):
            best.append(max(before[n] + is_fit, before[n + 1], best[n]))
    return best[-1]


def _in_any_order(fits: Sequence[Sequence[bool]], made: int) -> int:
    """Return how many calls match, each once: a maximum bipartite matching (Kuhn)."""
    taken: list[int | None] = [None] * made

    def place(wanted: int, tried: set[int]) -> bool:
        for n, is_fit in enumerate(fits[wanted]):
            if is_fit and n not in tried:
                tried.add(n)
                holder = taken[n]
                if holder is None or place(holder, tried):
                    taken[n] = wanted
                    return True
        return False

    return sum(place(wanted, set()) for wanted in range(len(fits)))


def _tool_check(tool: Tool | Mapping[str, Any]) -> tuple[str, Check]:
    if isinstance(tool, Tool):
        return tool.name, schema_check(tool.parameters)
    described = tool.get("function", tool)
    match described:
        case {"name": str(name)}:
            return name, schema_check(described.get("parameters", {}))
    raise ConfigError(
        f"A tool is {shorten(repr(tool))}.",
        allowed="It has a 'name', and 'parameters', a JSON Schema.",
    )


def _difference(wanted: Sequence[_Wanted], made: Sequence[ToolCall]) -> str:
    told = ", ".join(map(_told, made)) or "nothing"
    asked = ", ".join(map(str, wanted)) or "none"
    return f"called {told}; expected {asked}"


def _told(call: ToolCall) -> str:
    written = (
        call.arguments if isinstance(call.arguments, str) else _written(call.arguments)
    )
    return f"{call.name}({shorten(written, _MAX_SHOWN)})"


def _written(arguments: Mapping[str, Json]) -> str:
    pairs = (f"{name}={json.dumps(value)}" for name, value in arguments.items())
    return ", ".join(pairs)
