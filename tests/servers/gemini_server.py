"""A strict local server of Gemini's `generateContent`, whole and streamed, for tests.

Source of names and limits: Google's API reference, "Generating content", "Function
calling", "Structured output" and "Troubleshooting", v1beta. A field may be written in
snake case or in camel case there, as everywhere in JSON of protocol buffers.
"""

import re
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

_PATH = re.compile(
    r"/v1beta/models/([\w.-]+):(generateContent|streamGenerateContent\?alt=sse)"
)
_FIELDS = (
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
)
_SETTINGS = (
    "temperature",
    "topP",
    "topK",
    "maxOutputTokens",
    "stopSequences",
    "seed",
    "candidateCount",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseLogprobs",
    "logprobs",
    "presencePenalty",
    "frequencyPenalty",
    "thinkingConfig",
    "responseModalities",
)
_PART_KINDS = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
_KINDS = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_STOPS = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "filtered": "SAFETY",
}
CONTEXT_TOKENS = 1000
"""Words of a prompt that are too many."""
THOUGHT_TOKENS = 3
"""Of a prompt that begins with `thinks`; they are not among the answer's."""
WRONG_KEY = "API key not valid. Please pass a valid API key."


class GeminiServer(VendorServer):
    """Answers below `/v1beta/models/`."""

    has_retry_after = False

    @property
    def url(self) -> str:
        """The base URL with the version."""
        return f"{super().url}/v1beta"

    def check(self, asked: Asked) -> None:
        """Look at the address, the key, and every field."""
        need(_PATH.fullmatch(asked.path), f"not found: {asked.path}", 404)
        need(asked.headers.get("x-goog-api-key") == self.key, WRONG_KEY)
        body = camel(asked.body)
        need_only(body, _FIELDS, "body")
        settings = body.get("generationConfig", {})
        need_only(settings, _SETTINGS, "generationConfig")
        need(0 <= settings.get("temperature", 0) <= 2, "temperature: [0.0, 2.0]")
        if {"responseSchema", "responseJsonSchema"} & settings.keys():
            is_json = settings.get("responseMimeType") == "application/json"
            need(is_json, "response_mime_type must be application/json")
        for part in body.get("systemInstruction", {}).get("parts", ()):
            need(part.get("text"), "systemInstruction: text")
        _check_tools(body)
        _check_turns(body.get("contents"))
        count = len(self.prompt(asked).split())
        said = f"The input token count ({count}) exceeds the maximum number of tokens"
        need(count <= CONTEXT_TOKENS, f"{said} allowed (1000).")

    def prompt(self, asked: Asked) -> str:
        """Return the texts of the last turns of the user, with results of tools."""
        texts: list[str] = []
        for turn in reversed(camel(asked.body)["contents"]):
            if turn["role"] == "model":
                break
            texts[:0] = map(_text, turn["parts"])
        return " ".join(texts)

    def limits(self, asked: Asked) -> tuple[int | None, Sequence[str]]:
        """Return both, which stand in the settings."""
        settings = camel(asked.body).get("generationConfig", {})
        return settings.get("maxOutputTokens"), settings.get("stopSequences", ())

    def wants_call(self, asked: Asked) -> str | None:
        """Return what the mode says."""
        body = camel(asked.body)
        last = body["contents"][-1]["parts"][-1]
        how = body.get("toolConfig", {}).get("functionCallingConfig", {})
        if not body.get("tools") or how.get("mode") == "NONE":
            return None
        return None if "functionResponse" in last else ""

    def is_streamed(self, asked: Asked) -> bool:
        """Whether the address says so."""
        return "streamGenerateContent" in asked.path

    def whole(self, asked: Asked, said: Said) -> Body:
        """Return one candidate and the counts, or why the prompt was blocked."""
        if self.prompt(asked) == "filtered-prompt":
            counts = {"promptTokenCount": 1, "totalTokenCount": 1}
            blocked = {"blockReason": "SAFETY"}
            return {"promptFeedback": blocked, "usageMetadata": counts}
        return self._chunk(asked, said, _parts(said), is_last=True)

    def events(self, asked: Asked, said: Said) -> Iterator[Event]:
        """Yield replies that each have a part; only the last has a reason to end."""
        parts: list[Body] = [{"text": part} for part in said.parts]
        parts += _calls(said)
        for number, part in enumerate(parts, 1):
            is_last = number == len(parts)
            yield "", self._chunk(asked, said, [part], is_last=is_last)
        if not parts:
            yield "", self._chunk(asked, said, [], is_last=True)

    def refusal(self, refused: Refused) -> Body:
        """Return the error with its name; a wrong key and a wait have details."""
        place = "type.googleapis.com/google.rpc"
        details = []
        if refused.said == WRONG_KEY:
            info = {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}
            details.append({"@type": f"{place}.ErrorInfo", **info})
        if refused.status == 429:
            details.append({"@type": f"{place}.RetryInfo", "retryDelay": "0.05s"})
        error = {
            "code": refused.status,
            "message": refused.said,
            "status": _KINDS.get(refused.status, "UNKNOWN"),
            "details": details,
        }
        return {"error": error}

    def _chunk(
        self, asked: Asked, said: Said, parts: Sequence[Body], *, is_last: bool
    ) -> Body:
        candidate: Body = {"index": 0}
        if parts:
            candidate["content"] = {"role": "model", "parts": list(parts)}
        if is_last:
            candidate["finishReason"] = _STOPS[said.stop]
        matched = _PATH.fullmatch(asked.path)
        thoughts = THOUGHT_TOKENS if self.prompt(asked).startswith("thinks") else 0
        return {
            "candidates": [candidate],
            "usageMetadata": _counts(said, thoughts),
            "modelVersion": matched[1] if matched else "",
            "responseId": "r1",
        }


def camel(value: Any) -> Any:
    """Return JSON with the names of fields in camel case; schemas and values stay."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    made = {}
    for given, inner in value.items():
        name = re.sub(r"_([a-z])", lambda found: found[1].upper(), given)
        is_free = name in ("args", "response", "parameters", "parametersJsonSchema")
        is_free = is_free or name in ("responseSchema", "responseJsonSchema")
        made[name] = inner if is_free else camel(inner)
    return made


def _counts(said: Said, thoughts: int) -> Body:
    counts = {
        "promptTokenCount": said.input_tokens,
        "candidatesTokenCount": said.output_tokens,
        "totalTokenCount": said.input_tokens + said.output_tokens + thoughts,
    }
    if said.cached_tokens:
        counts["cachedContentTokenCount"] = said.cached_tokens
    if thoughts:
        counts["thoughtsTokenCount"] = thoughts
    return counts


def _parts(said: Said) -> list[Body]:
    return [*([{"text": said.text}] if said.text else []), *_calls(said)]


def _calls(said: Said) -> list[Body]:
    return [
        {"functionCall": {"name": name, "args": arguments}}
        for name, arguments in said.calls
    ]


def _check_tools(body: Body) -> None:
    declared = []
    for tool in body.get("tools", ()):
        for function in tool["functionDeclarations"]:
            need(TOOL_NAME.fullmatch(function.get("name", "")), "function: name")
            declared.append(function["name"])
            schema = function.get("parametersJsonSchema", function.get("parameters"))
            if schema is not None:
                need_schema({**schema, "type": schema["type"].lower()}, "parameters")
    how = body.get("toolConfig", {}).get("functionCallingConfig", {})
    need(how.get("mode", "AUTO") in ("AUTO", "ANY", "NONE"), "mode")
    for name in how.get("allowedFunctionNames", ()):
        need(name in declared, "allowed_function_names: not declared")
        need(how["mode"] == "ANY", "allowed_function_names: with ANY only")


def _check_turns(turns: Any) -> None:
    need(isinstance(turns, list) and turns, "contents is not specified")
    open_calls: list[str] = []
    for turn in turns:
        need_only(turn, ("role", "parts"), "contents")
        need(turn.get("role") in ("user", "model"), "Please use a valid role")
        need(turn.get("parts"), "contents.parts must not be empty")
        for part in turn["parts"]:
            _check_part(turn["role"], part)
        results = [
            p["functionResponse"]["name"] for p in _with(turn, "functionResponse")
        ]
        need(results == open_calls, "as many function responses as function calls")
        open_calls = [p["functionCall"]["name"] for p in _with(turn, "functionCall")]
    need(not open_calls, "function call without response")


def _with(turn: Body, kind: str) -> Iterator[Body]:
    return (part for part in turn["parts"] if kind in part)


def _check_part(role: str, part: Body) -> None:
    need_only(part, (*_PART_KINDS, "thoughtSignature", "thought"), "part")
    kinds = [kind for kind in _PART_KINDS if kind in part]
    need(len(kinds) == 1, f"oneof field 'data' of a part: {kinds}")
    (kind,) = kinds
    if kind == "inlineData":
        need(role == "user", "inlineData: of the user only")
        need_image(part[kind].get("mimeType"), part[kind].get("data"))
    elif kind == "functionCall":
        need(role == "model", "functionCall: of the model only")
        need(isinstance(part[kind].get("args"), dict), "args: an object")
    elif kind == "functionResponse":
        need(role == "user", "functionResponse: of the user only")
        need(isinstance(part[kind].get("response"), dict), "response: an object")


def _text(part: Body) -> str:
    """Return the text of a part, or of a result; an image is a word."""
    if "functionResponse" in part:
        return " ".join(map(str, part["functionResponse"]["response"].values()))
    return str(part.get("text", "[image]"))
