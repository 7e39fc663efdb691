"""Text that is safe to show: short and without control characters."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

_PLAIN = re.compile(r"[\n\t\x20-\x7e]*")
_SLUG_DIGITS = 6
_SLUG_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


def escape_control(text: str) -> str:
    """Replace control characters except newline and tab by their escapes.

    A completion may hold terminal escape sequences; printing them raw would let a
    model rewrite the screen.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(
        char
        if char in "\n\t" or not unicodedata.category(char).startswith("C")
        else char.encode("unicode_escape").decode()
        for char in text
    )


def shorten(text: str, limit: int = 80) -> str:
    """Return one line of at most `limit` characters, the middle cut with `…`."""
    line = " ".join(escape_control(text).split())
    if len(line) <= limit:
        return line
    head = (limit - 1) * 2 // 3
    tail = limit - 1 - head
    return f"{line[:head]}…{line[-tail:]}" if tail else f"{line[:head]}…"


def open_end(text: str, wanted: Iterable[str]) -> int:
    """Return how many last characters of a text may be the beginning of a wanted one.

    The most of them, 0 if none: what a wanted text needs to be whole may come yet.
    """
    longest = 0
    for one in wanted:
        count = min(len(one) - 1, len(text))
        while count > longest and not text.endswith(one[:count]):
            # The next shorter beginning that at least ends in the right character.
            count = one.rfind(text[-1], 0, count - 1) + 1
        longest = max(longest, count)
    return longest


def slug(text: str) -> str:
    """Return `text` with accents removed and what is not `[A-Za-z0-9._+-]` as `-`.

    Used in test ids, so that `-k` and shells take them without quoting. Where letters
    of another script are lost, six digits of the text's sha256 keep it apart.
    """
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(char)
    )
    short = _SLUG_UNSAFE.sub("-", plain).strip("-")
    if plain.isascii() or not any(c.isalnum() and not c.isascii() for c in plain):
        return short or "-"
    digest = hashlib.sha256(text.encode()).hexdigest()[:_SLUG_DIGITS]
    return f"{short}-{digest}" if short else digest
