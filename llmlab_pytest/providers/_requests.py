"""What every provider does with a request first: fill its gaps, check its needs."""

from dataclasses import replace
from typing import Any

from llmlab_pytest.core import (
    GenerateConfig,
    GenerateRequest,
    LoglikelihoodRequest,
    Message,
    ModelSpec,
    Request,
    Unsupported,
)

_DEFAULT_MAX_TOKENS = 256


def effective_request(request: Request, spec: ModelSpec, *, seed: int) -> Request:
    """Fill what the request leaves open: model defaults, then greedy, 256 tokens.

    The filled request is what is asked, hashed and stored, so that two runs with
    other defaults are never taken for the same.
    """
    if not isinstance(request, GenerateRequest):
        return request
    config = filled(request.config, spec)
    if config.max_tokens is None:
        config = replace(config, max_tokens=_DEFAULT_MAX_TOKENS)
    if config.temperature and config.seed is None and "seed" in spec.capabilities:
        config = replace(config, seed=seed)
    return replace(request, config=config)


def filled(config: GenerateConfig, spec: ModelSpec) -> GenerateConfig:
    """Fill what a config leaves open with the model's defaults, then with greedy."""
    known: dict[str, Any] = {"temperature": 0.0, **spec.defaults}
    gaps: dict[str, Any] = {
        name: tuple(value) if name == "stop" else value
        for name, value in known.items()
        if _is_open(getattr(config, name))
    }
    return replace(config, **gaps) if gaps else config


def _is_open(value: object) -> bool:
    """Whether a field leaves it to the model; 0 and 0.0 do not, though false."""
    return value is None or value is False or value == ()


def require_for(spec: ModelSpec, request: Request) -> None:
    """Check that the model declares whatever the request needs.

    A seed needs the capability only when there is something random: temperature > 0.

    Raises:
        Unsupported: a capability is missing; names it and what the model declares.
    """
    if not isinstance(request, GenerateRequest):
        spec.require("loglikelihood", needed_by="Scoring text")
        if isinstance(request, LoglikelihoodRequest):
            for pair in request.continuations:
                if not isinstance(pair.context, str):
                    _require_for_turns(spec, pair.context, "A context of messages")
        return
    if isinstance(request.prompt, str):
        spec.require("completion", needed_by="A raw prompt")
    else:
        _require_for_turns(spec, request.prompt, "A prompt of messages")
    _require_for_config(spec, request)


def _require_for_turns(
    spec: ModelSpec, turns: tuple[Message, ...], needed_by: str
) -> None:
    spec.require("chat", needed_by=needed_by)
    if any(turn.images for turn in turns):
        spec.require("images", needed_by="A message with an image")
    if any(turn.tool_calls or turn.tool_call_id is not None for turn in turns):
        spec.require("tools", needed_by="A message with tool calls or a result")


def _require_for_config(spec: ModelSpec, request: GenerateRequest) -> None:
    config = request.config
    if config.tools:
        spec.require("tools", needed_by="tools=[...]")
    if config.response_schema is not None:
        spec.require("json_schema", needed_by="response_schema={...}")
    if isinstance(request.prompt, str) and (config.tools or config.response_schema):
        raise Unsupported(
            f"{spec.alias!r} was asked for tools or a schema after a raw prompt.",
            allowed="Tools and schemas go with messages.",
            fix="Send messages: llm(...) instead of llm.complete(...).",
        )
    if config.token_logprobs:
        spec.require("token_logprobs", needed_by="token_logprobs=True")
    if config.top_logprobs:
        spec.require("top_logprobs", needed_by=f"top_logprobs={config.top_logprobs}")
    if config.stream:
        spec.require("streaming", needed_by="stream=True")
    if config.seed is not None and config.temperature:
        needed_by = f"seed={config.seed} at temperature {config.temperature}"
        spec.require("seed", needed_by=needed_by)
