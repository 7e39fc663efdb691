"""Changes of letters and spaces that leave a text readable as it was."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence

from hypothesis import strategies as st

from llmlab_pytest.metamorphic._edits import Edit, check_kinds, some_edits

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"""Of a QWERTY keyboard."""
_LOOK_ALIKE = dict(
    zip(
        "aceijopsxyABCEHIKMOPTXY",
        "\u0430\u0441\u0435\u0456\u0458\u043e\u0440\u0455\u0445\u0443"
        "\u0410\u0412\u0421\u0415\u041d\u0406\u041a\u041c\u041e\u0420\u0422\u0425\u04ae",
        strict=True,
    )
)
"""Latin letters and the Cyrillic ones that look the same (Unicode's UTS 39)."""
_FULL_WIDTH = 0xFEE0
"""From `!` to `~`, so many code points further is the same sign in full width."""
_INVISIBLE = ("\u200b", "\u200d", "\u2060")
"""Zero-width space, zero-width joiner, word joiner."""
_JOINER = "\u034f"
"""The combining grapheme joiner: a combining mark that is not seen."""


def typos(text: str, *, at_least: int = 0, at_most: int = 2) -> st.SearchStrategy[str]:
    """Draw a text with typing errors.

    Two letters swapped, one left out, one typed twice, or its neighbour on a QWERTY
    keyboard instead. Each word's first letter stays, as most typing errors spare it.

    Args:
        text: the unchanged text; values shrink to it.
        at_least: the fewest errors; with 1 the text always differs.
        at_most: the most errors.

    Raises:
        ConfigError: the text has fewer places for errors than `at_least`.
    """
    return some_edits(
        text, _typos(text), at_least=at_least, at_most=at_most, what="typos"
    )


def changed_case(
    text: str, *, at_least: int = 0, at_most: int = 2
) -> st.SearchStrategy[str]:
    """Draw a text with words, or all of it, in capitals or small letters.

    Args:
        text: the unchanged text; values shrink to it, then to one word that differs.
        at_least: the fewest words that change; with 1 the text always differs.
        at_most: the most words, unless all change.

    Raises:
        ConfigError: the text has fewer words that can change than `at_least`.
    """
    return some_edits(
        text, _cases(text), at_least=at_least, at_most=at_most, what="changed_case"
    )


def whitespace(
    text: str, *, at_least: int = 0, at_most: int = 3
) -> st.SearchStrategy[str]:
    """Draw a text with other white space: between words, at the beginning, at the end.

    Args:
        text: the unchanged text; values shrink to it.
        at_least: the fewest places that change; with 1 the text always differs.
        at_most: the most places.

    Raises:
        ConfigError: the text has fewer places than `at_least`.
    """
    return some_edits(
        text, _spaces(text), at_least=at_least, at_most=at_most, what="whitespace"
    )


def unicode(
    text: str,
    *,
    kinds: Sequence[str] = ("homoglyph", "full_width", "combining", "zero_width"),
    at_least: int = 0,
    at_most: int = 3,
) -> st.SearchStrategy[str]:
    """Draw a text that looks the same, or nearly so, in other code points.

    Args:
        text: the unchanged text; values shrink to it.
        kinds: `homoglyph` takes Cyrillic letters that look like Latin ones,
            `full_width` the wide forms of East Asian type, `combining` writes a letter
            and its accent as two (NFD), or adds an invisible combining mark,
            `zero_width` adds characters without any width.
        at_least: the fewest characters that change; with 1 the text always differs.
        at_most: the most.

    Raises:
        ConfigError: a kind is unknown, or the text has fewer places than `at_least`.
    """
    check_kinds(kinds, _KINDS, what="unicode")
    edits = (
        Edit(place, place + 1, other)
        for place, char in enumerate(text)
        if not char.isspace()
        for kind in kinds
        for other in _KINDS[kind](char)
    )
    return some_edits(text, edits, at_least=at_least, at_most=at_most, what="unicode")


def _typos(text: str) -> Iterator[Edit]:
    for word in re.finditer(r"[^\W\d_]{3,}", text):
        for place in range(word.start() + 1, word.end()):
            char = text[place]
            if place + 1 < word.end():
                yield Edit(place, place + 2, text[place + 1] + char)
            yield Edit(place, place + 1, "")
            yield Edit(place, place + 1, char * 2)
            for near in _neighbours(char):
                yield Edit(place, place + 1, near)


def _neighbours(char: str) -> Iterator[str]:
    for row in _ROWS:
        place = row.find(char.lower())
        if place < 0:
            continue
        for near in row[max(0, place - 1) : place] + row[place + 1 : place + 2]:
            yield near.upper() if char.isupper() else near


def _cases(text: str) -> Iterator[Edit]:
    for word in re.finditer(r"[^\W\d_]+", text):
        for other in (word[0].lower(), word[0].upper(), word[0].swapcase()):
            yield Edit(word.start(), word.end(), other)
    for whole in (text.upper(), text.lower(), text.title()):
        yield Edit(0, len(text), whole)


def _spaces(text: str) -> Iterator[Edit]:
    for run in re.finditer(r"\s+", text):
        for other in ("  ", "\n", "\t"):
            yield Edit(run.start(), run.end(), other)
    for place in (0, len(text)):
        for added in (" ", "\n"):
            yield Edit(place, place, added)


def _homoglyphs(char: str) -> Iterator[str]:
    if char in _LOOK_ALIKE:
        yield _LOOK_ALIKE[char]


def _full_widths(char: str) -> Iterator[str]:
    if "!" <= char <= "~":
        yield chr(ord(char) + _FULL_WIDTH)


def _combinings(char: str) -> Iterator[str]:
    apart = unicodedata.normalize("NFD", char)
    yield apart if apart != char else char + _JOINER


def _zero_widths(char: str) -> Iterator[str]:
    for added in _INVISIBLE:
        yield char + added


_KINDS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "homoglyph": _homoglyphs,
    "full_width": _full_widths,
    "combining": _combinings,
    "zero_width": _zero_widths,
}
