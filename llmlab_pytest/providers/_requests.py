"""What every provider does with a request first: fill its gaps, check its needs."""

from dataclasses import replace
from typing import Any

from llmlab_pytest.core import (
    GenerateConfig,
    GenerateRequest,
    LoglikelihoodRequest,
    ModelSpec,
    Request,
)


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
        if isinstance(request, LoglikelihoodRequest) and not all(
            isinstance(pair.context, str) for pair in request.continuations
        ):
            spec.require("chat", needed_by="A context of messages")
        return
    config = request.config
    if isinstance(request.prompt, str):
        spec.require("completion", needed_by="A raw prompt")
    else:
        spec.require("chat", needed_by="A prompt of messages")
    if config.token_logprobs:
        spec.require("token_logprobs", needed_by="token_logprobs=True")
    if config.stream:
        spec.require("streaming", needed_by="stream=True")
    if config.seed is not None and config.temperature:
        needed_by = f"seed={config.seed} at temperature {config.temperature}"
        spec.require("seed", needed_by=needed_by)
