"""A strict local server of OpenAI's responses, whole and streamed, for tests.

Source of names, limits and the order of events: OpenAI's API reference, "Create a model
response", "Streaming events" and "Structured model outputs".
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

_FIELDS = (
    "model",
    "input",
    "instructions",
    "max_output_tokens",
    "temperature",
    "top_p",
    "tools",
    "tool_choice",
    "text",
    "stream",
    "store",
    "parallel_tool_calls",
    "reasoning",
    "metadata",
    "include",
    "user",
    "truncation",
    "previous_response_id",
    "service_tier",
    "top_logprobs",
)
_REASONS = {"length": "max_output_tokens", "filtered": "content_filter"}
CONTEXT_TOKENS = 1000
"""Words of a prompt that are too many."""
LEAST_TOKENS = 16


class ResponsesServer(VendorServer):
    """Answers `POST /v1/responses`."""

    @property
    def url(self) -> str:
        """The base URL, ending in `/v1`."""
        return f"{super().url}/v1"

    def check(self, asked: Asked) -> None:
        """Look at the address, the key, and every field."""
        need(asked.path == "/v1/responses", f"not found: {asked.path}", 404)
        is_key = asked.headers.get("authorization") == f"Bearer {self.key}"
        need(is_key, "Incorrect API key provided", 401)
        body = asked.body
        need_only(body, _FIELDS, "body")
        need(isinstance(body.get("model"), str), "model: required")
        most = body.get("max_output_tokens", LEAST_TOKENS)
        need(most >= LEAST_TOKENS, "max_output_tokens: integer below minimum value")
        need(0 <= body.get("temperature", 0) <= 2, "temperature: [0, 2]")
        need(0 <= body.get("top_p", 0) <= 1, "top_p: [0, 1]")
        _check_tools(body)
        _check_format(body.get("text", {}).get("format", {"type": "text"}))
        _check_items(body.get("input"))
        words = len(self.prompt(asked).split())
        said = "Your input exceeds the context window of this model"
        need(words <= CONTEXT_TOKENS, said)

    def prompt(self, asked: Asked) -> str:
        """Return the texts since the last turn of the model, results among them."""
        texts: list[str] = []
        for item in reversed(asked.body["input"]):
            if item["type"] == "function_call" or item.get("role") == "assistant":
                break
            texts.insert(0, _text(item.get("content", item.get("output"))))
        return " ".join(texts)

    def limits(self, asked: Asked) -> tuple[int | None, Sequence[str]]:
        """Return the limit; there are no texts that end an answer."""
        return asked.body.get("max_output_tokens"), ()

    def wants_call(self, asked: Asked) -> str | None:
        """Return what `tool_choice` says."""
        is_result = asked.body["input"][-1]["type"] == "function_call_output"
        choice = asked.body.get("tool_choice")
        return (
            None if not asked.body.get("tools") or is_result or choice == "none" else ""
        )

    def is_streamed(self, asked: Asked) -> bool:
        """Whether the body says so."""
        return bool(asked.body.get("stream"))

    def whole(self, asked: Asked, said: Said) -> Body:
        """Return a response with its items."""
        reason = _REASONS.get(said.stop)
        return {
            **_head(asked),
            "status": "incomplete" if reason else "completed",
            "incomplete_details": {"reason": reason} if reason else None,
            "output": list(_items(said)),
            "usage": _counts(said),
        }

    def events(self, asked: Asked, said: Said) -> Iterator[Event]:
        """Yield a start, each item with its parts, and the whole at the end."""
        for number, (kind, data) in enumerate(self._events(asked, said)):
            yield kind, {"type": kind, "sequence_number": number, **data}

    def _events(self, asked: Asked, said: Said) -> Iterator[Event]:
        started = {"response": _head(asked)}
        yield "response.created", started
        yield "response.in_progress", started
        for index, item in enumerate(_items(said)):
            place = {"output_index": index, "item_id": item["id"]}
            is_text = item["type"] == "message"
            empty: Body = {"content": []} if is_text else {"arguments": ""}
            begun = {**item, **empty, "status": "in_progress"}
            yield "response.output_item.added", {"output_index": index, "item": begun}
            parts = _text_events(said) if is_text else _call_events(item["arguments"])
            for kind, data in parts:
                yield kind, {**place, **data}
            yield "response.output_item.done", {"output_index": index, "item": item}
        whole = self.whole(asked, said)
        yield f"response.{whole['status']}", {"response": whole}

    def refusal(self, refused: Refused) -> Body:
        """Return the error with its code."""
        is_long = "context window" in refused.said
        code = "context_length_exceeded" if is_long else None
        kind = "invalid_request_error" if refused.status < 500 else "server_error"
        error = {"message": refused.said, "type": kind, "code": code, "param": None}
        return {"error": error}


def _head(asked: Asked) -> Body:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": asked.body["model"],
        "output": [],
        "parallel_tool_calls": True,
        "temperature": asked.body.get("temperature", 1.0),
        "top_p": asked.body.get("top_p", 1.0),
        "tool_choice": asked.body.get("tool_choice", "auto"),
        "tools": asked.body.get("tools", []),
        "usage": None,
    }


def _counts(said: Said) -> Body:
    return {
        "input_tokens": said.input_tokens,
        "input_tokens_details": {"cached_tokens": said.cached_tokens},
        "output_tokens": said.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": said.input_tokens + said.output_tokens,
    }


def _items(said: Said) -> Iterator[Body]:
    if said.text:
        part = {"type": "output_text", "text": said.text, "annotations": []}
        message = {"type": "message", "id": "msg_1", "role": "assistant"}
        yield {**message, "status": "completed", "content": [part]}
    for number, (name, arguments) in enumerate(said.calls, 1):
        yield {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": f"call_{number}",
            "name": name,
            "arguments": json.dumps(arguments),
            "status": "completed",
        }


def _text_events(said: Said) -> Iterator[Event]:
    place = {"content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    yield "response.content_part.added", {**place, "part": part}
    for text in said.parts:
        yield "response.output_text.delta", {**place, "delta": text}
    yield "response.output_text.done", {**place, "text": said.text}
    part = {**part, "text": said.text}
    yield "response.content_part.done", {**place, "part": part}


def _call_events(arguments: str) -> Iterator[Event]:
    kind = "response.function_call_arguments"
    for at in range(0, len(arguments), 5):
        yield f"{kind}.delta", {"delta": arguments[at : at + 5]}
    yield f"{kind}.done", {"arguments": arguments}


def _check_tools(body: Body) -> None:
    names = []
    for tool in body.get("tools", ()):
        known = ("type", "name", "description", "parameters", "strict")
        need_only(tool, known, "tools")
        need(tool.get("type") == "function", "tools: type")
        need(TOOL_NAME.fullmatch(tool.get("name", "")), "tools: name")
        need_schema(tool.get("parameters"), "tools: parameters")
        names.append(tool["name"])
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, Mapping):
        need_only(choice, ("type", "name"), "tool_choice")
        need(choice.get("name") in names, "tool_choice: not among the tools")
    else:
        need(choice in ("auto", "none", "required"), "tool_choice")


def _check_format(form: Body) -> None:
    if form.get("type") == "text":
        return
    need_only(form, ("type", "name", "schema", "strict", "description"), "text.format")
    need(form.get("type") == "json_schema", "text.format: type")
    need(TOOL_NAME.fullmatch(form.get("name", "")), "text.format: name")
    schema = form.get("schema", {})
    if form.get("strict"):
        is_closed = schema.get("additionalProperties") is False
        is_whole = sorted(schema.get("required", ())) == sorted(schema["properties"])
        need(is_closed and is_whole, "text.format: schema is not strict")


def _check_items(items: Any) -> None:
    need(isinstance(items, list) and items, "input: required")
    open_calls: list[str] = []
    for item in items:
        kind = item.get("type")
        if kind == "function_call":
            need(isinstance(item.get("arguments"), str), "arguments: a string")
            open_calls.append(item["call_id"])
        elif kind == "function_call_output":
            need(item.get("call_id") in open_calls, "No tool call found for output")
            open_calls.remove(item["call_id"])
        else:
            need(kind == "message", f"input: type {kind!r}")
            _check_message(item)
    need(not open_calls, "No tool output found for function call")


def _check_message(item: Body) -> None:
    role = item.get("role")
    need(role in ("user", "assistant", "system", "developer"), "input: role")
    content = item.get("content")
    for part in content if isinstance(content, list) else ():
        if role == "assistant":
            need(part.get("type") == "output_text", "assistant: output_text")
        elif part.get("type") == "input_image":
            address = part.get("image_url", "")
            if address.startswith("data:"):
                media_type, _, data = address[5:].partition(";base64,")
                need_image(media_type, data)
        else:
            need(part.get("type") == "input_text", f"{role}: input_text")


def _text(content: Any) -> str:
    """Return the texts of parts; an image is a word."""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "[image]") for part in content)
