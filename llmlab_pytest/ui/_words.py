"""Two texts as one: the words they share, and those that only one of them has."""

import difflib
import re
from typing import Literal, NamedTuple

_WORD = re.compile(r"\S+\s*|\s+")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_MOST_PARTS = 1500
"""More take too long to compare: then lines are, and then the texts whole."""


class Piece(NamedTuple):
    """A part of the two texts."""

    kind: Literal["same", "gone", "new"]
    text: str


def pieces_of(first: str, second: str) -> list[Piece]:
    """Return what is in both texts or in one of them, in order.

    The pieces that are not `new` make the first text, those not `gone` the second.
    """
    before, after = _parts(first, second)
    codes = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    pieces = []
    for kind, a0, a1, b0, b1 in codes:
        if kind == "equal":
            pieces.append(Piece("same", "".join(before[a0:a1])))
            continue
        pieces.append(Piece("gone", "".join(before[a0:a1])))
        pieces.append(Piece("new", "".join(after[b0:b1])))
    return [piece for piece in pieces if piece.text]


def _parts(first: str, second: str) -> tuple[list[str], list[str]]:
    for unit in (_WORD, _LINE):
        before, after = unit.findall(first), unit.findall(second)
        if max(len(before), len(after)) <= _MOST_PARTS:
            return before, after
    return [first], [second]
