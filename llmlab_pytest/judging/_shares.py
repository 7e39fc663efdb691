"""How likely each choice was, read from the tokens around a judge's verdict.

G-Eval (Liu et al. 2023, arXiv:2303.16634) weighs each score by its probability. The
authors drew 20 answers, since their model told none; where a model tells the likeliest
tokens at each place, one answer is enough: the place where its verdict begins tells
the choices apart. What is left out is the mass of tokens that begin no choice.
"""

import math
import re
from collections.abc import Sequence

from llmlab_pytest.core import TokenLogprob

_VERDICT = re.compile(r'(?<!\\)"verdict"\s*:\s*"?')
"""Up to where the verdict begins; within a reason its quotes have backslashes."""
_AFTER = '"'
"""Ends a verdict: an alternative may be longer than the choice that it spells."""


def shares_of(
    tokens: Sequence[TokenLogprob], choices: Sequence[str]
) -> tuple[float, ...] | None:
    """Return the probability of each choice, of all that begin one.

    Args:
        tokens: of the whole answer, with the likeliest others at each place.
        choices: among which the judge decided.

    Returns:
        `None` where the tokens do not tell: there are none, no verdict begins among
        them, or a token could begin several choices.
    """
    place = _place(tokens)
    if place is None:
        return None
    token, before = place
    shares = [0.0] * len(choices)
    seen = set()
    for other in (token, *token.top):
        if other.token in seen or not other.token.startswith(before):
            continue
        seen.add(other.token)
        begun = _begun(other.token[len(before) :], choices)
        if len(begun) > 1:
            return None
        for number in begun:
            shares[number] += math.exp(other.logprob)
    total = math.fsum(shares)
    return tuple(share / total for share in shares) if total else None


def _place(tokens: Sequence[TokenLogprob]) -> tuple[TokenLogprob, str] | None:
    """Return the token with the verdict's first letter, and its text before that."""
    text = "".join(token.token for token in tokens)
    found = [match.end() for match in _VERDICT.finditer(text)]
    if not found:
        return None
    end = 0
    for token in tokens:
        start, end = end, end + len(token.token)
        if end > found[-1]:
            return (token, token.token[: found[-1] - start]) if token.top else None
    return None


def _begun(text: str, choices: Sequence[str]) -> list[int]:
    """Return the places of the choices that a token begins, or spells in full."""
    written, ended, _ = text.partition(_AFTER)
    if not written:
        return []
    return [
        number
        for number, choice in enumerate(choices)
        if choice == written or (not ended and choice.startswith(written))
    ]
