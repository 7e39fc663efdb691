"""What is asked of a model: how to decode, and three kinds of requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmlab_pytest.core._json import Json
from llmlab_pytest.core._messages import Message, Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateConfig:
    """How to decode. The default is greedy and deterministic."""

    max_tokens: int | None = None
    """At most this many output tokens; `None`: the model's registry default."""
    temperature: float | None = None
    """0 is greedy; `None`: the model's registry default, which is 0."""
    top_p: float | None = None
    seed: int | None = None
    """Makes sampling reproducible; needs the capability `seed`."""
    stop: tuple[str, ...] = ()
    """The text ends before the first of these strings."""
    token_logprobs: bool = False
    """Also return the log-probability of each output token."""
    top_logprobs: int | None = None
    """Also return those of so many of the likeliest tokens at each place, at most 20;
    needs the capability `top_logprobs`, and implies `token_logprobs`."""
    stream: bool = False
    """Stream the answer, so that `Completion.ttft_s` is measured."""
    tools: tuple[Tool, ...] = ()
    """What the model may call; needs the capability `tools`."""
    tool_choice: str | None = None
    """`auto`, `none`, `required` (some tool), or the name of the tool to call;
    `None` leaves it to the provider, which means `auto`."""
    response_schema: Mapping[str, Json] | None = field(default=None, hash=False)
    """The JSON Schema that the text is to satisfy; needs the capability
    `json_schema`."""


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """Ask for text: messages go through the chat template, a string goes in raw."""

    prompt: str | tuple[Message, ...]
    config: GenerateConfig = GenerateConfig()


@dataclass(frozen=True, slots=True)
class Continuation:
    """One text to score after one context; the pair is tokenised as a whole."""

    context: str | tuple[Message, ...]
    """Raw text; messages go through the chat template, up to the assistant's turn."""
    text: str


@dataclass(frozen=True, slots=True)
class LoglikelihoodRequest:
    """Ask for the log-likelihood of every continuation of one sample."""

    continuations: tuple[Continuation, ...]


@dataclass(frozen=True, slots=True)
class RollingRequest:
    """Ask for the log-likelihood of a whole text, however long.

    A text longer than the model's context is read in windows that score every token
    once: the first after the model's prefix token, each further one after the tokens
    before it, as many as fit.
    """

    text: str


Request = GenerateRequest | LoglikelihoodRequest | RollingRequest


def batch_kind(request: Request) -> object:
    """Return what the requests of one batch must have in common."""
    if isinstance(request, GenerateRequest):
        return request.config
    return type(request)
