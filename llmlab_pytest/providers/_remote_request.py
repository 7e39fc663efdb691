"""A request in OpenAI's protocol, which litellm takes for every vendor.

Source of the field names: OpenAI's API reference, "Create chat completion".
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from llmlab_pytest.core import (
    GenerateConfig,
    GenerateRequest,
    Image,
    Message,
    ModelSpec,
    Tool,
    canonical_json,
    slug,
)
from llmlab_pytest.providers._remote_options import RemoteOptions

_CHOICES = ("auto", "none", "required")
_LIKELY_IMAGE_TOKENS = 1000
"""What a picture of about a megapixel takes at most vendors."""
_MOST_NAME_CHARS = 64


def protocol_arguments(
    request: GenerateRequest,
    config: GenerateConfig,
    spec: ModelSpec,
    options: RemoteOptions,
) -> dict[str, Any]:
    """Return what is sent: settings, the prompt, and the entry's `extra`.

    Args:
        request: what is asked.
        config: that of the request, with the model's defaults filled in.
        spec: the model.
        options: of its entry; `omit` leaves settings out.
    """
    settings: dict[str, Any] = {
        "max_tokens": config.max_tokens,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "seed": config.seed if "seed" in spec.capabilities else None,
        "stop": list(config.stop) or None,
    }
    arguments = {
        name: value
        for name, value in settings.items()
        if value is not None and name not in options.omit
    }
    if isinstance(request.prompt, str):
        arguments["prompt"] = request.prompt
        is_told = config.token_logprobs or config.top_logprobs is not None
        arguments["logprobs"] = (config.top_logprobs or 0) if is_told else None
    else:
        arguments["messages"] = [_message(turn) for turn in request.prompt]
        is_told = config.token_logprobs or config.top_logprobs is not None
        arguments["logprobs"] = True if is_told else None
        if config.top_logprobs is not None:
            arguments["top_logprobs"] = config.top_logprobs
        arguments |= _means(config)
    return {**arguments, **(options.extra or {})}


def likely_tokens(arguments: Mapping[str, Any]) -> int:
    """Guess what a request will use, as providers do: its text, and its longest answer.

    Four characters a token is a rule of thumb for English.
    """
    turns = arguments.get("messages") or [{"content": arguments.get("prompt", "")}]
    parts = [part for turn in turns for part in _parts(turn.get("content", ""))]
    tools, form = arguments.get("tools"), arguments.get("response_format")
    characters = sum(len(part.get("text", "")) for part in parts)
    characters += sum(len(canonical_json(means)) for means in (tools, form) if means)
    images = sum("image_url" in part for part in parts)
    answer = arguments.get("max_tokens") or arguments.get("max_completion_tokens")
    return (
        characters // 4
        + images * _LIKELY_IMAGE_TOKENS
        + (answer if isinstance(answer, int) else 0)
    )


def _means(config: GenerateConfig) -> dict[str, Any]:
    """Return the tools and the schema, if there are any."""
    means: dict[str, Any] = {}
    if config.tools:
        means["tools"] = [_tool(tool) for tool in config.tools]
    if (choice := config.tool_choice) is not None:
        named = {"type": "function", "function": {"name": choice}}
        means["tool_choice"] = choice if choice in _CHOICES else named
    if (schema := config.response_schema) is not None:
        title = schema.get("title")
        name = slug(title) if isinstance(title, str) else "answer"
        means["response_format"] = {
            "type": "json_schema",
            "json_schema": {
                "name": name.replace(".", "-").replace("+", "-")[:_MOST_NAME_CHARS],
                "schema": dict(schema),
                "strict": True,
            },
        }
    return means


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "parameters": dict(tool.parameters)}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _message(turn: Message) -> dict[str, Any]:
    content: Any = turn.content
    if not isinstance(content, str):
        content = [_part(part) for part in content]
    message = {"role": turn.role, "content": content}
    if turn.tool_calls:
        if not content:  # an empty text is refused by some vendors
            del message["content"]
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.name,
                    "arguments": call.arguments
                    if isinstance(call.arguments, str)
                    else json.dumps(call.arguments, ensure_ascii=False),
                },
            }
            for call in turn.tool_calls
        ]
    if turn.tool_call_id is not None:
        message["tool_call_id"] = turn.tool_call_id
    return message


def _part(part: str | Image) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image_url", "image_url": {"url": part.address}}


def _parts(content: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the parts of a turn's content in the form of the protocol."""
    if isinstance(content, str):
        yield {"text": content}
    else:
        yield from content
