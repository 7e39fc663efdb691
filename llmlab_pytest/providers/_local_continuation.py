"""Continuations and whole texts as tokens: what a model reads, and what is scored.

The tokenisation of a (context, continuation) pair is that of lm-eval 0.4.13
(`TemplateLM._encode_pair`, `HFLM.tok_encode`, `_loglikelihood_tokens`), because scores
are compared with it item by item.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from llmlab_pytest.core import (
    ContextOverflow,
    ContinuationLogprob,
    DataError,
    shorten,
)


class Encode(Protocol):
    """Turns text into token ids."""

    def __call__(self, text: str, *, add_special: bool | None = None) -> list[int]:
        """Return the ids; `add_special` is about BOS and EOS, `None`: model's way."""
        ...


@dataclass(frozen=True, slots=True)
class Prefix:
    """The token that stands for an empty context, as id and as text."""

    id: int
    text: str


class Scored(NamedTuple):
    """One sequence to run and what to read off."""

    inputs: tuple[int, ...]
    """The tokens the model sees: all but the last."""
    targets: tuple[int, ...]
    """The tokens to score; the last input predicts the last target."""


class Finding(NamedTuple):
    """What was found out about one sequence."""

    sequence: int
    """Index of the sequence in what was given."""
    logprob: ContinuationLogprob
    tokens_read: int
    """How many tokens the model read for its sake alone."""
    compute_s: float


def encode_continuation(
    context_text: str, text: str, encode: Encode, prefix: Prefix
) -> tuple[list[int], list[int]]:
    """Return the tokens of the context and of the continuation.

    Trailing whitespace of the context moves to the continuation; the pair is encoded
    as a whole and split by the length of the encoded context. An empty context becomes
    the prefix token.

    Raises:
        DataError: no token is left for the continuation.
    """
    if context_text:
        context = _encode_default(context_text.rstrip(), encode, prefix)
        whole = _encode_default(context_text + text, encode, prefix)
        target = whole[len(context) :]
    else:
        context, target = [prefix.id], encode(text, add_special=False)
        if target[:1] == context:
            target = target[1:]
    if not context or not target:
        msg = (
            f"The continuation {shorten(text)!r} after the context "
            f"{shorten(context_text)!r} has no token of its own."
        )
        raise DataError(msg, fix="Give every choice a text that is not empty.")
    return context, target


def _encode_default(text: str, encode: Encode, prefix: Prefix) -> list[int]:
    starts_with_prefix = bool(prefix.text) and text.startswith(prefix.text)
    return encode(text, add_special=False if starts_with_prefix else None)


def scored_sequence(
    context: Sequence[int], target: Sequence[int], *, context_tokens: int
) -> Scored:
    """Join both parts and drop tokens from the left that exceed the model's context.

    Raises:
        ContextOverflow: the continuation alone is longer than the context.
    """
    if len(target) > context_tokens:
        msg = f"A continuation to be scored has {len(target):,} tokens."
        raise ContextOverflow(
            msg, allowed=f"The model's context holds {context_tokens:,} tokens."
        )
    whole = [*context, *target][-(context_tokens + 1) :]
    return Scored(tuple(whole[:-1]), tuple(target))


def rolling_windows(
    text: str, encode: Encode, prefix: Prefix, *, context_tokens: int
) -> list[Scored]:
    """Cut a text into windows that score each of its tokens exactly once.

    Those of lm-eval 0.4.13 (`get_rolling_token_windows` with one token of context, made
    disjoint): every window but the last predicts `context_tokens` tokens from the token
    before them, the first from the prefix; the last is filled up with tokens before it.

    Raises:
        DataError: the text has no token.
    """
    tokens = [prefix.id, *_encode_default(text, encode, prefix)]
    if len(tokens) == 1:
        msg = f"The text {shorten(text)!r} has no token to score."
        raise DataError(msg, fix="Give every row a text that is not empty.")
    windows = []
    for start in range(1, len(tokens), context_tokens):
        end = min(start + context_tokens, len(tokens))
        first = 0 if start == 1 else end - 1 - context_tokens
        inputs, targets = tokens[first : end - 1], tokens[start:end]
        windows.append(Scored(tuple(inputs), tuple(targets)))
    return windows


def joined(windows: Sequence[ContinuationLogprob]) -> ContinuationLogprob:
    """Return what the windows of one text say about the whole text."""
    return ContinuationLogprob(
        loglikelihood=math.fsum(window.loglikelihood for window in windows),
        is_greedy=all(window.is_greedy for window in windows),
        tokens=sum(window.tokens for window in windows),
    )


def count_tokens(sequences: Sequence[Scored]) -> int:
    """Return how many tokens the inputs have, equal beginnings counted once."""
    total = 0
    before: tuple[int, ...] = ()
    for inputs in sorted(sequence.inputs for sequence in sequences):
        total += len(inputs) - common_length(before, inputs)
        before = inputs
    return total


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens two sequences share at their beginning."""
    low, high = 0, min(len(first), len(second))
    while low < high:  # the first `low` are equal; what is equal is at most `high`
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
