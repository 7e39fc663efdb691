"""Two texts as one, with the words marked that differ.

Written as `git diff --word-diff` and GNU wdiff write it. A line for each word, as
failed assertions have it, would not do here: pytest cuts explanations after eight.
"""

import difflib
import re
from collections.abc import Sequence

_AROUND = 8
"""So many equal words stay on each side of a difference."""
_WORD = re.compile(r"\S+\s*|\s+")


def marked(kept: str, text: str) -> list[str]:
    """Return the lines of a text that shows `[-kept-]{+new+}` words.

    Args:
        kept: what was stored.
        text: what came. Line breaks within marks are shown as `↵`.
    """
    if kept == text:
        return text.splitlines()
    before, after = _WORD.findall(kept), _WORD.findall(text)
    codes = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    parts = []
    for place, (kind, a0, a1, b0, b1) in enumerate(codes):
        if kind == "equal":
            is_last = place == len(codes) - 1
            parts.append(_ends(before[a0:a1], is_first=not place, is_last=is_last))
            continue
        for words, mark in ((before[a0:a1], "[-{}-]"), (after[b0:b1], "{{+{}+}}")):
            if words:
                parts.append(mark.format("".join(words).replace("\n", "↵")))
    return "".join(parts).splitlines()


def _ends(words: Sequence[str], *, is_first: bool, is_last: bool) -> str:
    """Return equal words, without those that are far from any difference."""
    head = [] if is_first else words[:_AROUND]
    tail = [] if is_last else words[len(words) - _AROUND :]
    if len(words) <= len(head) + len(tail) + 1:
        return "".join(words)
    return f"{''.join(head)}… {''.join(tail)}"
