"""Two texts as one: the words they share, and those that only one of them has."""

import difflib
import re
from typing import Literal, NamedTuple

_WORD = re.compile(r"\S+\s*|\s+")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_MOST_PARTS = 1500
"""More take too long to compare: then lines are, and then the texts whole."""
_AROUND = 8
"""So many equal words stay on each side of a difference."""
_MARKS = {"gone": "[-{}-]", "new": "{{+{}+}}"}


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


def marked(kept: str, text: str) -> list[str]:
    """Return the lines of a text that shows `[-kept-]{+new+}` words.

    Written as `git diff --word-diff` and GNU wdiff write it. A line for each word, as
    failed assertions have it, would not do: pytest cuts explanations after eight.

    Args:
        kept: what was stored.
        text: what came. Line breaks within marks are shown as `↵`.
    """
    if kept == text:
        return text.splitlines()
    pieces = pieces_of(kept, text)
    last = len(pieces) - 1
    parts = [
        _MARKS[piece.kind].format(piece.text.replace("\n", "↵"))
        if piece.kind in _MARKS
        else _ends(piece.text, is_first=not place, is_last=place == last)
        for place, piece in enumerate(pieces)
    ]
    return "".join(parts).splitlines()


def _parts(first: str, second: str) -> tuple[list[str], list[str]]:
    for unit in (_WORD, _LINE):
        before, after = unit.findall(first), unit.findall(second)
        if max(len(before), len(after)) <= _MOST_PARTS:
            return before, after
    return [first], [second]


def _ends(text: str, *, is_first: bool, is_last: bool) -> str:
    """Return equal words, without those that are far from any difference."""
    words = _WORD.findall(text)
    head = [] if is_first else words[:_AROUND]
    tail = [] if is_last else words[len(words) - _AROUND :]
    if len(words) <= len(head) + len(tail) + 1:
        return text
    return f"{''.join(head)}… {''.join(tail)}"
