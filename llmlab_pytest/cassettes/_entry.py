"""One recorded answer: from a completion to plain JSON, and back with checks.

Fields at their defaults are left out, so that an answer written by hand is short. The
answer may be edited; what was asked may not, since it decides the file's name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from llmlab_pytest.cassettes._call import PARTS, RecordedCall
from llmlab_pytest.cassettes._layout import FIX, CassetteText
from llmlab_pytest.core import (
    AMOUNT,
    COUNT,
    FLAG,
    NUMBER,
    TABLE,
    TEXT,
    WHOLE,
    CassetteError,
    Completion,
    ConfigError,
    Kind,
    StopReason,
    Usage,
    check_value,
)
from llmlab_pytest.store import completion_content, completion_from

_FORMAT = 1
"""Grows when a cassette comes to mean something else."""
_OF_THE_RUN = ("model", "original")
_CLOCKED = ("latency_s", "ttft_s", "compute_s")
_CLOCK_DIGITS = 4
_INCIDENTAL = (*_CLOCKED, "attempts")
"""What differs from recording to recording though the answer is the same."""
_DEFAULTS: Mapping[str, Any] = {"continuations": [], "token_logprobs": [], "usage": {}}
_ANY_TEXT = Kind("a string, or a list of its lines", lambda v: isinstance(v, str))
_SEVERAL = Kind("a list of tables", lambda v: isinstance(v, list))
_TOKENS = Kind("a whole number, at least 0", lambda v: type(v) is int and v >= 0)
_REASONS: tuple[str, ...] = get_args(StopReason)
_TOP = {
    "call": TABLE,
    "completion": TABLE,
    "format": WHOLE,
    "weights": TEXT,
}
_COMPLETION = {
    "attempts": COUNT,
    "compute_s": AMOUNT,
    "continuations": _SEVERAL,
    "cost_usd": AMOUNT,
    "latency_s": AMOUNT,
    "note": TEXT,
    "price": TABLE,
    "stop_reason": Kind(" or ".join(map(repr, _REASONS)), lambda v: v in _REASONS),
    "text": _ANY_TEXT,
    "token_logprobs": _SEVERAL,
    "tool_calls": _SEVERAL,
    "ttft_s": AMOUNT,
    "usage": TABLE,
}
_PARTS: Mapping[str, Mapping[str, Kind]] = {
    "continuations": {"is_greedy": FLAG, "loglikelihood": NUMBER, "tokens": _TOKENS},
    "price": {
        "read_on": TEXT,
        "source": TEXT,
        "tier": TEXT,
        "usd_per_million_tokens": TABLE,
    },
    "token_logprobs": {"logprob": NUMBER, "token": _ANY_TEXT, "top": _SEVERAL},
    "tool_calls": {
        "arguments": Kind("a table, or a string", lambda v: isinstance(v, dict | str)),
        "id": TEXT,
        "name": TEXT,
    },
    "usage": {field.name: _TOKENS for field in fields(Usage)},
}
_MAY_LACK = {
    "usage": frozenset(_PARTS["usage"]),
    "price": frozenset({"tier"}),
    "token_logprobs": frozenset({"top"}),
}
_FOLDERS = re.compile(r"^(?:[A-Za-z]:)?[\\/].*[\\/]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A cassette as read."""

    call: RecordedCall
    completion: Completion
    weights: str | None
    """Digest of the local weights that answered."""


def entry_content(
    call: RecordedCall, completion: Completion, *, weights: str | None
) -> dict[str, Any]:
    """Return a recorded answer as JSON; secrets of the answer are still in it."""
    content = completion_content(completion)
    for name in _OF_THE_RUN:
        del content[name]
    for name in _CLOCKED:
        if content[name] is not None:
            content[name] = round(content[name], _CLOCK_DIGITS)
    if content["price"] is not None:
        # An entry's price comes from a file, whose folders differ by machine.
        source = _FOLDERS.sub("", content["price"]["source"])
        price = {**content["price"], "source": source}
        content["price"] = {name: v for name, v in price.items() if v is not None}
    default = completion_content(Completion(text="", model=""))
    usage = {name: n for name, n in content["usage"].items() if n}
    content = {
        name: value
        for name, value in content.items()
        if value not in (None, (), [])
        and (name == "text" or value != default.get(name))
    }
    if not content["text"] and content.keys() & {"continuations", "tool_calls"}:
        del content["text"]
    whole = {
        "format": _FORMAT,
        "call": dict(call.parts),
        "completion": {**content, "usage": usage} if usage else content,
    }
    return whole if weights is None else {**whole, "weights": weights}


def without_incidents(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes a recording worth a difference: not how long it took.

    Nor on which day the price was read, as long as the rates are the same.
    """
    completion = content.get("completion")
    if not isinstance(completion, dict):
        return dict(content)
    kept = {name: v for name, v in completion.items() if name not in _INCIDENTAL}
    if isinstance(calls := kept.get("tool_calls"), list):
        # Ids are made up anew by each call; all that they say is which call is meant.
        kept["tool_calls"] = [
            {**call, "id": n} if isinstance(call, dict) else call
            for n, call in enumerate(calls)
        ]
    if isinstance(price := kept.get("price"), dict):
        kept["price"] = price.get("usd_per_million_tokens")
    return {**content, "completion": kept}


def read_entry(file: CassetteText, *, alias: str) -> Entry:
    """Check a cassette and return what it holds.

    Raises:
        CassetteError: a key is unknown, missing or of the wrong kind, or what was asked
            does not belong to the file's name; names file and line.
    """
    content = file.content
    _check(file, content, _TOP, optional={"weights"})
    if content["format"] != _FORMAT:
        raise CassetteError(
            f"{file.place('format')}: the format is {content['format']}.",
            allowed=f"This llmlab-pytest knows format {_FORMAT}.",
            fix="Record the answer again with --llmlab-record.",
        )
    call = _call_in(file, alias)
    _check_completion(file, call)
    answer = {**_DEFAULTS, "text": "", **content["completion"], "model": alias}
    return Entry(call, completion_from(answer), content.get("weights"))


def _call_in(file: CassetteText, alias: str) -> RecordedCall:
    parts = file.content["call"]
    kinds = {"draw": COUNT, "item": _ANY_TEXT, "model": TABLE, "owner": _ANY_TEXT}
    _check(file, parts, {**kinds, "request": TABLE}, "call")
    call = RecordedCall(alias, {name: parts[name] for name in PARTS})
    if call.file.name != file.path.name:
        raise CassetteError(
            f"{file.place('call')}: what was asked there belongs to "
            f"{call.file.name!r}: it was edited, or the file was renamed.",
            allowed="The answer may be edited; what was asked decides the name.",
            fix="Undo the change, or record the answer again with --llmlab-record.",
        )
    return call


def _check_completion(file: CassetteText, call: RecordedCall) -> None:
    content = file.content["completion"]
    _check(file, content, _COMPLETION, "completion", optional=set(_COMPLETION))
    for name, kinds in _PARTS.items():
        value = content.get(name, [])
        for part in value if isinstance(value, list) else [value]:
            optional = _MAY_LACK.get(name, frozenset())
            _check(file, part, kinds, "completion", name, optional=optional)
    request = call.parts["request"]
    if "config" in request:
        wanted = "a 'text' or 'tool_calls'"
        found = not content.keys().isdisjoint(("text", "tool_calls"))
    else:
        count = len(request.get("continuations", [None]))
        wanted = f"{count} 'continuations', one for each text that was scored"
        found = len(content.get("continuations", ())) == count
    if not found:
        raise CassetteError(
            f"{file.place('completion')}: the answer is incomplete.",
            allowed=f"It has {wanted}.",
            fix=FIX,
        )


def _check(
    file: CassetteText,
    table: Any,
    kinds: Mapping[str, Kind],
    *keys: str,
    optional: frozenset[str] | set[str] = frozenset(),
) -> None:
    """Check that a table has the keys of `kinds`, and values of these kinds."""
    if not isinstance(table, dict):
        msg = f"{file.place(*keys)}: {keys[-1]!r} holds {table!r}."
        raise CassetteError(msg, allowed="It takes tables.", fix=FIX)
    for name, value in table.items():
        if name in kinds and kinds[name].accepts(value):
            continue
        try:
            place = file.place(*keys, name)
            check_value(name, value, kinds, what="key", place=place)
        except ConfigError as error:
            raise CassetteError(error.seen, allowed=error.allowed, fix=FIX) from error
    if missing := sorted(kinds.keys() - table.keys() - optional):
        names = ", ".join(map(repr, missing))
        raise CassetteError(f"{file.place(*keys)}: {names} is missing.", fix=FIX)
