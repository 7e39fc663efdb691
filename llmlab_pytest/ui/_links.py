"""Addresses of the page's views: what they are given, and how they are written."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

_MOST_DIGITS = 9


class Query:
    """What a view is asked for.

    Args:
        path: the named parts of the address, e.g. `run`.
        given: what stands after the question mark, by name.
    """

    def __init__(
        self, path: Mapping[str, str], given: Mapping[str, Sequence[str]]
    ) -> None:
        self._path = path
        self._given = given

    def part(self, name: str) -> str:
        """Return a named part of the address."""
        return self._path[name]

    def one(self, name: str) -> str:
        """Return a value, or nothing."""
        return next(iter(self._given.get(name, ())), "")

    def every(self, name: str) -> list[str]:
        """Return the values of a name, each once, empty ones left out."""
        return [value for value in dict.fromkeys(self._given.get(name, ())) if value]

    def number(self, name: str, default: int = 1) -> int:
        """Return a whole number from 1 on; what is none is the default."""
        text = self.one(name)
        is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
        return max(1, int(text)) if is_number else default


def address(*parts: str, **query: str | int | Sequence[str]) -> str:
    """Return the address of a view; empty values are left out."""
    path = "/".join(quote(part, safe="", errors="replace") for part in parts)
    pairs = {name: value for name, value in query.items() if value not in ("", ())}
    text = urlencode(pairs, doseq=True, errors="replace")
    return f"/{path}?{text}" if text else f"/{path}"
