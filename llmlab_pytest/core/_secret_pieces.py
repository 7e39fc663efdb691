"""A text that comes in pieces, shown without secrets: what may become one is held."""

import re
from collections.abc import Sequence

from llmlab_pytest.core._secrets import (
    HIDDEN,
    HINTED,
    SHAPED,
    known_forms,
    value_redactor,
)
from llmlab_pytest.core._text import open_end

_STARTS = tuple(
    sorted({hint[:end] for hint in HINTED for end in range(1, len(hint) + 1)})
)
_OPEN = re.compile(
    rf"\b(?:{'|'.join(map(re.escape, _STARTS))})\Z"
    rf"|\b(?:{'|'.join(map(re.escape, HINTED))})[A-Za-z0-9_\-.]*\Z"
    r"|(?<=[Bb]earer )[A-Za-z0-9._\-]*\Z"
    r"|(?<=uthorization: Basic )[A-Za-z0-9+/=]*\Z"
    r"|(?<=://)[^/\s@]*\Z"
)
"""The end of a text that could still grow into what looks like a secret."""


class RedactedPieces:
    """Hands a text on as `redact` would show it, as far as that is certain.

    Joined, the pieces are what `redact` makes of the whole text, however it was cut.
    """

    def __init__(self) -> None:
        self._known = _Known()
        self._shaped = _Shaped()

    def add(self, text: str) -> str:
        """Take a piece; return what can be shown now."""
        return self._shaped.add(self._known.add(text))

    def rest(self) -> str:
        """Return what was held, at the end of the text."""
        return self._shaped.add(self._known.rest()) + self._shaped.rest()


class _Known:
    """Hides known secrets."""

    def __init__(self) -> None:
        self._hide = value_redactor()
        self._forms: Sequence[str] = known_forms()
        self._held = ""

    def add(self, text: str) -> str:
        text = self._held + text
        cut = len(text) - open_end(text, self._forms)
        while (start := self._start_around(text, cut)) < cut:
            cut = start
        self._held = text[cut:]
        return self._hide(text[:cut])

    def rest(self) -> str:
        text, self._held = self._held, ""
        return self._hide(text)

    def _start_around(self, text: str, cut: int) -> int:
        """Return where a secret begins that would be cut in two, else `cut`."""
        for form in self._forms:
            start = text.find(form, max(0, cut - len(form) + 1))
            if 0 <= start < cut:
                return start
        return cut


class _Shaped:
    """Hides what looks like a secret."""

    def __init__(self) -> None:
        self._line = ""
        """What came since the last line break: no such secret spans one."""
        self._shown = 0
        """How many characters of that were handed on, as they were shown."""

    def add(self, text: str) -> str:
        self._line += text
        found = _OPEN.search(self._line)
        new = self._release(
            self._line if found is None else self._line[: found.start()]
        )
        if end := self._line.rfind("\n") + 1:
            # So that a long text is not looked through again and again.
            left, self._line = self._line[:end], self._line[end:]
            self._shown -= len(SHAPED.sub(HIDDEN, left))
        return new

    def rest(self) -> str:
        new = self._release(self._line)
        self._line, self._shown = "", 0
        return new

    def _release(self, text: str) -> str:
        shown = SHAPED.sub(HIDDEN, text)
        new, self._shown = shown[self._shown :], len(shown)
        return new
