"""Continuations as tokens, and many token sequences as one tree.

The tokenisation of a (context, continuation) pair is that of lm-eval 0.4.13
(`TemplateLM._encode_pair`, `HFLM.tok_encode`, `_loglikelihood_tokens`), because scores
are compared with it item by item. The continuations of a sample mostly share their
context, so their token sequences form a tree with few more tokens than the longest one.
One pass over the tree, where a token sees its ancestors only, gives every number that
separate passes would. Sharing is decided on tokens of whole encodings, never on text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from llmlab_pytest.core import ContextOverflow, DataError, shorten


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


class Run(NamedTuple):
    """A stretch of nodes `start..stop-1`, each the parent of the next."""

    start: int
    stop: int
    parent: int
    """The node before the first one, or -1."""


@dataclass(frozen=True, slots=True)
class TokenTree:
    """Several sequences, equal beginnings stored once; parents precede children."""

    tokens: list[int]
    depths: list[int]
    """Position of each node in its sequence, from 0."""
    runs: list[Run]
    paths: list[list[int]]
    """For each sequence, its node at every position."""

    @property
    def is_chain(self) -> bool:
        """Whether there is no branch, so that plain causal attention fits."""
        return len(self.runs) <= 1


def grow_tree(sequences: Sequence[Sequence[int]]) -> TokenTree:
    """Merge the common beginnings of `sequences`."""
    tokens: list[int] = []
    depths: list[int] = []
    runs: list[Run] = []
    paths: list[list[int]] = []
    children: dict[tuple[int, int], int] = {}
    for sequence in sequences:
        path: list[int] = []
        parent = -1
        first_new = len(tokens)
        branch = -1
        for depth, token in enumerate(sequence):
            node = children.get((parent, token))
            if node is None:
                node = len(tokens)
                branch = parent if node == first_new else branch
                children[parent, token] = node
                tokens.append(token)
                depths.append(depth)
            path.append(node)
            parent = node
        if len(tokens) > first_new:
            runs.append(_run(runs, first_new, len(tokens), branch))
        paths.append(path)
    return TokenTree(tokens, depths, runs, paths)


def _run(runs: list[Run], start: int, stop: int, parent: int) -> Run:
    """Extend the last run where the new one only continues it."""
    if runs and parent == start - 1 and runs[-1].stop == start:
        last = runs.pop()
        return Run(last.start, stop, last.parent)
    return Run(start, stop, parent)


def pack(
    sequences: Sequence[Sequence[int]],
    *,
    budget_tokens: int,
    most: int | None = None,
) -> list[list[int]]:
    """Split `sequences` into groups whose trees hold `budget_tokens` nodes at most.

    Args:
        sequences: of token ids.
        budget_tokens: the limit of one tree.
        most: how many sequences a group may have.

    Returns:
        The indices of each group. A single longer sequence makes a group of its own.
    """
    pending = [list(range(len(sequences)))]
    groups: list[list[int]] = []
    while pending:
        group = pending.pop(0)
        nodes = len(grow_tree([sequences[index] for index in group]).tokens)
        fits = nodes <= budget_tokens and len(group) <= (most or len(group))
        if fits or len(group) == 1:
            groups.append(group)
        else:
            middle = len(group) // 2
            pending[:0] = [group[:middle], group[middle:]]
    return groups
