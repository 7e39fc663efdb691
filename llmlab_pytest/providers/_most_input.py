"""How many tokens the input of a request can have at most, whoever counts them.

No tokenizer that works on bytes gives more tokens than bytes, so every byte of a text
counts as a token: about four times the truth in English. Tools, schemas and calls
count twice, since templates may write them with a line and an indent for every value.
An image is a bound over vendors, see `IMAGE_TOKENS`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from llmlab_pytest.core import (
    GenerateConfig,
    GenerateRequest,
    LoglikelihoodRequest,
    Message,
    Request,
    canonical_json,
)

IMAGE_TOKENS = 50_000
"""What one image can be counted as, at most.

The most that vendors document for an image of any size, all of which they scale down:
OpenAI gpt-4o-mini 2833 + 8 x 5667 = 48169 (other models: 1445 to 10000), Anthropic
4784, Gemini 258 a tile of 768 x 768 pixels; Qwen-VL 16384 as vLLM sets it up.
"""
TURN_TOKENS = 16
"""What a chat template writes around one message, at most: role and marks."""
_MEANS_TOKENS = 1000
"""What a vendor writes to explain tools or a schema to its model, at most; Anthropic
documents up to 530."""


class RequestSize(NamedTuple):
    """How large a request is, and its answer at most."""

    bytes: int
    """UTF-8 bytes of its texts; tools, schemas and images are left out."""
    max_tokens: int
    """0 where likelihoods are asked for, or nothing limits the answer."""


def request_size(request: Request) -> RequestSize:
    """Return the size of a request."""
    longest = 0
    if isinstance(request, GenerateRequest):
        texts, longest = [request.prompt], request.config.max_tokens or 0
    elif isinstance(request, LoglikelihoodRequest):
        texts = [
            text for pair in request.continuations for text in (pair.context, pair.text)
        ]
    else:
        texts = [request.text]
    return RequestSize(sum(map(_said, texts)), longest)


def most_input_tokens(request: Request) -> int:
    """Return how many tokens the input of a request can have at most."""
    if isinstance(request, GenerateRequest):
        return _most_of(request.prompt) + TURN_TOKENS + _most_means(request.config)
    if isinstance(request, LoglikelihoodRequest):
        pairs = request.continuations
        return TURN_TOKENS + sum(
            _most_of(pair.context) + _bytes(pair.text) for pair in pairs
        )
    return _bytes(request.text) + 2 * TURN_TOKENS


def _said(prompt: str | tuple[Message, ...]) -> int:
    if isinstance(prompt, str):
        return _bytes(prompt)
    return sum(_bytes(turn.text) for turn in prompt)


def _most_of(prompt: str | tuple[Message, ...]) -> int:
    if isinstance(prompt, str):
        return _bytes(prompt) + TURN_TOKENS
    return sum(sum(_most_of_turn(turn)) for turn in prompt)


def _most_of_turn(turn: Message) -> Iterator[int]:
    yield TURN_TOKENS + _bytes(turn.text)
    yield len(turn.images) * IMAGE_TOKENS
    for call in turn.tool_calls:
        written = canonical_json([call.id, call.name, call.arguments])
        yield TURN_TOKENS + 2 * _bytes(written)
    yield _bytes(turn.tool_call_id or "")


def _most_means(config: GenerateConfig) -> int:
    """Return the bound of tools and schema, which are written into the prompt."""
    means = [[t.name, t.description, dict(t.parameters)] for t in config.tools]
    if config.response_schema is not None:
        means.append([dict(config.response_schema)])
    if not means:
        return 0
    return 2 * _bytes(canonical_json(means)) + _MEANS_TOKENS


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))
