"""Calls of tools in replies of OpenAI's protocol, whole or streamed in fragments."""

import json
from math import isfinite
from typing import Any, NoReturn

from llmlab_pytest.core import ToolCall


def read_tool_calls(message: Any) -> tuple[ToolCall, ...]:
    """Return the calls in a message.

    Raises:
        TypeError: they do not follow the protocol.
    """
    calls = getattr(message, "tool_calls", None) or ()
    if not isinstance(calls, list | tuple):
        raise TypeError(type(calls).__name__)
    gathered = CallParts()
    for number, call in enumerate(calls):
        gathered.add(call, number)
    return gathered.calls()


class CallParts:
    """Calls as they arrive: a name first, then arguments in fragments.

    A fragment says by its `index` which call it belongs to. Servers that leave the
    index out send whole calls, or go on with the call before; another id under an index
    that is taken is another call.
    """

    def __init__(self) -> None:
        self._calls: list[dict[str, str]] = []
        self._at: dict[int, dict[str, str]] = {}

    def add(self, part: Any, number: int | None = None) -> None:
        """Read one fragment.

        Args:
            part: of a call.
            number: the place of the call, where it is known; else the part has it.

        Raises:
            TypeError: it does not follow the protocol.
        """
        function = getattr(part, "function", None)
        name = _text(getattr(function, "name", None))
        call_id = _text(getattr(part, "id", None))
        if number is None:
            number = getattr(part, "index", None)
        if number is None:
            number = len(self._at) if name else len(self._at) - 1
        call = self._at.get(number)
        if call is None or (call_id and call["id"] not in ("", call_id)):
            call = self._at[number] = {"id": "", "name": "", "arguments": ""}
            self._calls.append(call)
        # Some servers repeat id and name with every fragment.
        call["id"] = call["id"] or call_id
        call["name"] = call["name"] or name
        arguments = getattr(function, "arguments", None)
        if not isinstance(arguments, str | None):  # some servers parse it themselves
            arguments = json.dumps(arguments, default=vars)
        call["arguments"] += arguments or ""

    def calls(self) -> tuple[ToolCall, ...]:
        """Return the calls in the order in which they began.

        Raises:
            TypeError: one has no name.
        """
        if not all(call["name"] for call in self._calls):
            msg = "one has no name"
            raise TypeError(msg)
        return tuple(
            ToolCall(
                call["id"] or f"call-{number}",
                call["name"],
                arguments_of(call["arguments"]),
            )
            for number, call in enumerate(self._calls, 1)
        )


def arguments_of(text: str) -> dict[str, Any] | str:
    """Return what a model wrote as arguments: a JSON object, else the text itself.

    Nothing at all means no arguments: vendors send that for a tool without any. JSON
    knows no NaN and no infinity, so a text with them is none, as is a number that is
    too large to be finite.
    """
    if not text.strip():
        return {}
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _text(value: Any) -> str:
    if not isinstance(value, str | None):
        raise TypeError(type(value).__name__)
    return value or ""


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
