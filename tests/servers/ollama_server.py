"""A strict local server of Ollama's own chat, whole and streamed, for tests.

Source of names and of the lines of a stream: Ollama's API reference, "Generate a chat
completion".
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from vendor_server import (
    Asked,
    Body,
    Event,
    Refused,
    Said,
    VendorServer,
    need,
    need_image,
    need_only,
    need_schema,
)

_FIELDS = ("model", "messages", "tools", "format", "options", "stream")
_FIELDS += ("keep_alive", "think")
_SETTINGS = ("num_predict", "temperature", "top_p", "top_k", "stop", "seed", "num_ctx")
_TURN = ("role", "content", "images", "tool_calls", "tool_name", "tool_call_id")
_REASONS = {"length": "length"}


class OllamaServer(VendorServer):
    """Answers `POST /api/chat`; it asks for no key."""

    def check(self, asked: Asked) -> None:
        """Look at the address and every field."""
        need(asked.path == "/api/chat", f"not found: {asked.path}", 404)
        body = asked.body
        need_only(body, _FIELDS, "body")
        need(isinstance(body.get("model"), str), "model is required")
        need_only(body.get("options", {}), _SETTINGS, "options")
        for tool in body.get("tools", ()):
            need(tool.get("type") == "function", "tools: type")
            need_schema(tool["function"].get("parameters"), "tools: parameters")
        form = body.get("format", "json")
        need(form == "json" or isinstance(form, dict), "format")
        for turn in body["messages"]:
            _check_turn(turn)

    def prompt(self, asked: Asked) -> str:
        """Return the texts since the last turn of the model; an image is a word."""
        texts: list[str] = []
        for turn in reversed(asked.body["messages"]):
            if turn["role"] in ("assistant", "system"):
                break
            texts[:0] = [turn["content"], *("[image]" for _ in turn.get("images", ()))]
        return " ".join(texts)

    def limits(self, asked: Asked) -> tuple[int | None, Sequence[str]]:
        """Return both, which stand in the options."""
        options = asked.body.get("options", {})
        return options.get("num_predict"), options.get("stop", ())

    def wants_call(self, asked: Asked) -> str | None:
        """Any tool, where there are some and no result is last."""
        is_result = asked.body["messages"][-1]["role"] == "tool"
        return "" if asked.body.get("tools") and not is_result else None

    def is_streamed(self, asked: Asked) -> bool:
        """Whether the body does not say otherwise."""
        return bool(asked.body.get("stream", True))

    def whole(self, asked: Asked, said: Said) -> Body:
        """Return one message with the counts."""
        return _line(asked, {"content": said.text, **_calls(said)}, said)

    def events(self, asked: Asked, said: Said) -> Iterator[Event]:
        """Yield a message for each word, one for the calls, and an empty last one."""
        for part in said.parts:
            yield "", _line(asked, {"content": part}, None)
        if said.calls:
            yield "", _line(asked, {"content": "", **_calls(said)}, None)
        yield "", _line(asked, {"content": ""}, said)

    def encode(self, event: Event) -> bytes:
        """Return a line of JSON."""
        return json.dumps(event[1]).encode() + b"\n"

    def refusal(self, refused: Refused) -> Body:
        """Return the error, a text."""
        return {"error": refused.said}


def _line(asked: Asked, message: Body, ended: Said | None) -> Body:
    line: Body = {
        "model": asked.body["model"],
        "created_at": "2026-01-01T00:00:00.000000Z",
        "message": {"role": "assistant", **message},
        "done": ended is not None,
    }
    if ended is not None:
        line["done_reason"] = _REASONS.get(ended.stop, "stop")
        line["prompt_eval_count"] = ended.input_tokens
        line["eval_count"] = ended.output_tokens
    return line


def _calls(said: Said) -> Body:
    calls = [
        {"function": {"name": name, "arguments": arguments}}
        for name, arguments in said.calls
    ]
    return {"tool_calls": calls} if calls else {}


def _check_turn(turn: Any) -> None:
    need_only(turn, _TURN, "messages")
    role = turn.get("role")
    need(role in ("system", "user", "assistant", "tool"), f"invalid role {role!r}")
    need(isinstance(turn.get("content", ""), str), "content: a string")
    for image in turn.get("images", ()):
        need_image("image/png", image)  # it has no type here
    for call in turn.get("tool_calls", ()):
        is_object = isinstance(call["function"].get("arguments"), dict)
        need(is_object, "tool_calls: arguments must be an object")
