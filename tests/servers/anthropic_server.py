"""A strict local server of Anthropic's Messages API, for tests.

Source of names, limits and the order of events: Anthropic's API reference, "Messages",
"Streaming messages", "Errors" and "Structured outputs", version 2023-06-01.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vendor_server import (
    TOOL_NAME,
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

VERSION = "2023-06-01"
_FIELDS = (
    "model",
    "messages",
    "max_tokens",
    "system",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stream",
    "tools",
    "tool_choice",
    "metadata",
    "output_format",
    "output_config",
)
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "filtered": "refusal",
}
CONTEXT_TOKENS = 1000
"""Words of a prompt that are too many."""


class AnthropicServer(VendorServer):
    """Answers `POST /v1/messages`."""

    def check(self, asked: Asked) -> None:
        """Look at the address, the headers, and every field."""
        need(asked.path == "/v1/messages", "not found", 404)
        need(asked.headers.get("x-api-key") == self.key, "invalid x-api-key", 401)
        need(asked.headers.get("anthropic-version") == VERSION, "anthropic-version")
        body = asked.body
        need_only(body, _FIELDS, "body")
        need(isinstance(body.get("model"), str), "model: Field required")
        most = body.get("max_tokens")
        need(type(most) is int and most >= 1, "max_tokens: Field required")
        for name in ("temperature", "top_p"):
            need(0 <= body.get(name, 0) <= 1, f"{name}: range: 0..1")
        for end in body.get("stop_sequences", ()):
            need(isinstance(end, str) and end.strip(), "stop_sequences: whitespace")
        _check_system(body.get("system", "x"))
        _check_tools(body)
        _check_format(asked)
        _check_turns(body.get("messages"))
        words = len(self.prompt(asked).split())
        need(words <= CONTEXT_TOKENS, f"prompt is too long: {words} tokens > 1000")

    def prompt(self, asked: Asked) -> str:
        """Return the texts of the last turn, results of tools among them."""
        return _texts(asked.body["messages"][-1]["content"])

    def limits(self, asked: Asked) -> tuple[int | None, Sequence[str]]:
        """Return both, which stand in the body."""
        return asked.body["max_tokens"], asked.body.get("stop_sequences", ())

    def wants_call(self, asked: Asked) -> str | None:
        """Return what `tool_choice` says."""
        last = asked.body["messages"][-1]["content"]
        has_result = last[-1]["type"] == "tool_result" if last[-1:] else False
        choice = asked.body.get("tool_choice", {})
        if not asked.body.get("tools") or has_result or choice.get("type") == "none":
            return None
        return str(choice.get("name", ""))

    def is_streamed(self, asked: Asked) -> bool:
        """Whether the body says so."""
        return bool(asked.body.get("stream"))

    def whole(self, asked: Asked, said: Said) -> Body:
        """Return a message with its blocks."""
        usage = {**_read(said), "output_tokens": said.output_tokens}
        blocks = list(_blocks(said))
        return {
            **_head(asked, usage),
            "content": blocks,
            "stop_reason": _STOPS[said.stop],
        }

    def events(self, asked: Asked, said: Said) -> Iterator[Event]:
        """Yield a start, each block with its parts, and an end with the counts."""
        first = min(1, said.input_tokens)  # none where nothing ran
        start = _head(asked, {**_read(said), "output_tokens": first})
        yield _event("message_start", message=start)
        yield _event("ping")
        for index, block in enumerate(_blocks(said)):
            is_text = block["type"] == "text"
            empty = {"text": ""} if is_text else {"input": {}}
            yield _event(
                "content_block_start", index=index, content_block={**block, **empty}
            )
            deltas = _text_deltas(said) if is_text else _input_deltas(block["input"])
            for delta in deltas:
                yield _event("content_block_delta", index=index, delta=delta)
            yield _event("content_block_stop", index=index)
        ended = {"stop_reason": _STOPS[said.stop], "stop_sequence": None}
        counts = {"output_tokens": said.output_tokens}
        yield _event("message_delta", delta=ended, usage=counts)
        yield _event("message_stop")

    def refusal(self, refused: Refused) -> Body:
        """Return the error with its kind."""
        kind = _KINDS.get(refused.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": refused.said}}


def _event(kind: str, **data: Any) -> Event:
    return kind, {"type": kind, **data}


def _head(asked: Asked, usage: Mapping[str, int]) -> Body:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": asked.body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _read(said: Said) -> dict[str, int]:
    """Return the counts of a prompt: what was cached is not among `input_tokens`."""
    return {
        "input_tokens": said.input_tokens - said.cached_tokens,
        "cache_read_input_tokens": said.cached_tokens,
        "cache_creation_input_tokens": 0,
    }


def _blocks(said: Said) -> Iterator[Body]:
    if said.text:
        yield {"type": "text", "text": said.text}
    for number, (name, arguments) in enumerate(said.calls, 1):
        call = {"id": f"toolu_{number}", "name": name, "input": arguments}
        yield {"type": "tool_use", **call}


def _text_deltas(said: Said) -> Iterator[Body]:
    for part in said.parts:
        yield {"type": "text_delta", "text": part}


def _input_deltas(arguments: Mapping[str, Any]) -> Iterator[Body]:
    """Yield JSON in fragments; there is an empty one first, and only it for none."""
    text = json.dumps(arguments) if arguments else ""
    for part in ("", *(text[at : at + 5] for at in range(0, len(text), 5))):
        yield {"type": "input_json_delta", "partial_json": part}


def _check_system(system: Any) -> None:
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    for block in blocks:
        need(block.get("type") == "text" and block.get("text"), "system: empty text")


def _check_tools(body: Body) -> None:
    tools = body.get("tools", [])
    for tool in tools:
        need_only(tool, ("type", "name", "description", "input_schema"), "tools")
        need(TOOL_NAME.fullmatch(tool.get("name", "")), "tools: name")
        need_schema(tool.get("input_schema"), "tools: input_schema")
    if choice := body.get("tool_choice"):
        need(tools, "tool_choice: without tools")
        need(choice.get("type") in ("auto", "any", "tool", "none"), "tool_choice: type")
        if choice["type"] == "tool":
            named = [tool["name"] for tool in tools]
            need(choice.get("name") in named, "tool_choice: no such tool")


def _check_format(asked: Asked) -> None:
    asked_for = asked.body.get("output_format")
    if asked_for is None:
        asked_for = asked.body.get("output_config", {}).get("format")
    else:
        beta = asked.headers.get("anthropic-beta", "")
        need("structured-outputs-2025-11-13" in beta, "output_format: beta header")
    if asked_for is not None:
        need(asked_for.get("type") == "json_schema", "output_format: type")
        schema = asked_for.get("schema", {})
        is_closed = schema.get("additionalProperties") is False
        need(is_closed, "output_format: additionalProperties must be false")


def _check_turns(turns: Any) -> None:
    need(isinstance(turns, list) and turns, "messages: at least one")
    need(turns[0].get("role") == "user", "messages: first must be of the user")
    open_calls: set[str] = set()
    for turn in turns:
        need_only(turn, ("role", "content"), "messages")
        need(turn.get("role") in ("user", "assistant"), "messages: role")
        content = turn.get("content")
        need(content, "messages: content must not be empty")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        results = {b["tool_use_id"] for b in content if b["type"] == "tool_result"}
        need(results == open_calls, "tool_use and tool_result do not belong together")
        for block in content:
            _check_block(turn["role"], block)
        open_calls = {b["id"] for b in content if b["type"] == "tool_use"}
    need(not open_calls, "tool_use without tool_result")


def _check_block(role: str, block: Body) -> None:
    kind = block.get("type")
    if kind == "text":
        need(block.get("text", "").strip(), "text content blocks must be non-empty")
    elif kind == "image":
        need(role == "user", "image: of the user only")
        source = block["source"]
        if source.get("type") == "base64":
            need_image(source.get("media_type"), source.get("data"))
        else:
            need(source.get("type") == "url", "image: source")
    elif kind == "tool_use":
        need(role == "assistant", "tool_use: of the assistant only")
        need(isinstance(block.get("input"), dict), "tool_use: input must be an object")
    else:
        need(kind == "tool_result" and role == "user", f"block {kind!r} of {role}")


def _texts(content: Any) -> str:
    """Return the texts among blocks, in order; an image is a word."""
    if isinstance(content, str):
        return content
    words = []
    for block in content:
        if block["type"] == "tool_result":
            words.append(_texts(block.get("content", "")))
        else:
            words.append(block.get("text", "[image]"))
    return " ".join(words)
