"""A request as plain JSON: what is stored, shown, and digested for addresses."""

from dataclasses import asdict, fields
from typing import Any

from llmlab_pytest.core import (
    GenerateConfig,
    GenerateRequest,
    Image,
    LoglikelihoodRequest,
    Message,
    Request,
)

_USED_LATER = ("tools", "tool_choice", "response_schema", "top_logprobs")
"""Settings that older requests do not have. Unused they are left out, so that answers
of older runs, caches and cassettes keep their addresses."""

_SETTINGS = tuple(setting.name for setting in fields(GenerateConfig))


def request_json(request: Request) -> dict[str, Any]:
    """Return the request as plain JSON.

    Bytes of images are told by their digest, which keeps stores small and cassettes
    readable. Ids of tool calls, which a provider makes up anew each time, are numbered
    in their order: they only link a result to its call.
    """
    if isinstance(request, GenerateRequest):
        return {
            "kind": "generate",
            "prompt": _prompt(request.prompt),
            "config": _config(request.config),
        }
    if isinstance(request, LoglikelihoodRequest):
        pairs = tuple(
            {"context": _prompt(pair.context), "text": pair.text}
            for pair in request.continuations
        )
        return {"kind": "loglikelihood", "continuations": pairs}
    return {"kind": "rolling", "text": request.text}


def _config(config: GenerateConfig) -> dict[str, Any]:
    content = {name: getattr(config, name) for name in _SETTINGS}
    for name in _USED_LATER:
        if content[name] in (None, ()):
            del content[name]
    if config.tools:
        content["tools"] = tuple(map(asdict, config.tools))
    return content


def _prompt(prompt: str | tuple[Message, ...]) -> str | tuple[dict[str, Any], ...]:
    if isinstance(prompt, str):
        return prompt
    numbers: dict[str, str] = {}
    return tuple(_message(turn, numbers) for turn in prompt)


def _message(turn: Message, numbers: dict[str, str]) -> dict[str, Any]:
    """Return a turn as JSON.

    Args:
        turn: of a conversation.
        numbers: of the ids of the turns before; grows.
    """
    content: Any = turn.content
    if not isinstance(content, str):
        content = [_part(part) for part in content]
    told = {"role": turn.role, "content": content}
    if turn.tool_calls:
        told["tool_calls"] = [
            {
                "id": numbers.setdefault(call.id, str(len(numbers) + 1)),
                "name": call.name,
                "arguments": call.arguments,
            }
            for call in turn.tool_calls
        ]
    if (asked := turn.tool_call_id) is not None:
        told["tool_call_id"] = numbers.setdefault(asked, str(len(numbers) + 1))
    return told


def _part(part: str | Image) -> dict[str, Any]:
    if isinstance(part, str):
        return {"text": part}
    if part.url:
        return {"image": {"url": part.url}}
    return {
        "image": {
            "media_type": part.media_type,
            "sha256": part.sha256,
            "size_bytes": len(part.data),
        }
    }
