"""TOML files made of repeated tables, with the line of every entry and key.

`tomllib` keeps no positions, so lines are found again by searching the text for the
n-th `[[table]]` header and, below it, the key. This is exact for files written in
the documented form; for inline arrays it falls back to the first line.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, cast

from llmlab_pytest.core._errors import ConfigError
from llmlab_pytest.core._json import Json
from llmlab_pytest.core._registry import unknown_name
from llmlab_pytest.core._text import shorten

Table = Mapping[str, Json]
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


class Kind(NamedTuple):
    """What a value must be, in words and as a check."""

    words: str
    accepts: Callable[[Json], bool]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TEXT = Kind("a non-empty string", lambda v: isinstance(v, str) and bool(v.strip()))
TEXTS = Kind(
    "a list of strings",
    lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v),
)
TABLE = Kind("a table", lambda v: isinstance(v, dict))
FLAG = Kind("true or false", lambda v: isinstance(v, bool))
NUMBER = Kind("a number", _is_number)
AMOUNT = Kind("a number, at least 0", lambda v: _is_number(v) and cast("float", v) >= 0)
WHOLE = Kind("a whole number", lambda v: type(v) is int)
COUNT = Kind("a whole number, at least 1", lambda v: type(v) is int and v >= 1)
SHARE = Kind(
    "a number above 0, at most 1",
    lambda v: _is_number(v) and 0 < cast("float", v) <= 1,
)
DECODING = {
    "max_tokens": COUNT,
    "temperature": AMOUNT,
    "top_p": SHARE,
    "seed": WHOLE,
    "stop": TEXTS,
}
"""What a registry entry, a task card and a call may say about decoding."""


class TomlFile:
    """A parsed file that can say where things are.

    Args:
        path: the file.
        table: name of the repeated table, e.g. `model` for `[[model]]`; empty for a
            file without one.

    Raises:
        ConfigError: the file cannot be read or is not TOML; names file and line.
    """

    def __init__(self, path: Path, *, table: str = "") -> None:
        self.path = path
        self._table = table
        text = _read(path)
        self._lines = text.splitlines()
        self.data: dict[str, Json] = _parse(path, text)

    def line(self, index: int, key: str = "") -> int:
        """Return the line of the `index`-th table, or of a key within it."""
        header = re.compile(rf"\s*\[\[\s*{self._table}\s*\]\]")
        starts = [n for n, line in enumerate(self._lines, 1) if header.match(line)]
        if index >= len(starts):
            return 1
        start = starts[index]
        end = starts[index + 1] if index + 1 < len(starts) else len(self._lines) + 1
        wanted = re.compile(rf"""[^#]*(?<![\w-])["']?{re.escape(key)}["']?\s*[=\].]""")
        if key:
            for number in range(start + 1, end):
                if wanted.match(self._lines[number - 1]):
                    return number
        return start

    def place(self, index: int, key: str = "") -> str:
        """Return `file:line` of a table or of a key within it."""
        return f"{self.path}:{self.line(index, key)}"

    def check_top_level(self, kinds: Mapping[str, Kind]) -> None:
        """Check the keys outside the repeated table; it must be one of `kinds`.

        Raises:
            ConfigError: a key is unknown or its value is of the wrong kind.
        """
        for name, value in self.data.items():
            check_value(name, value, kinds, what="key", place=self.top_level(name))

    def top_level(self, name: str) -> str:
        """Return `file:line` of a key, or of a table, outside the repeated one."""
        return f"{self.path}:{self._top_level_line(name)}"

    def tables(self) -> list[dict[str, Json]]:
        """Return the repeated tables in order.

        Raises:
            ConfigError: the name is used for something else, e.g. `[model]`.
        """
        found = self.data.get(self._table, [])
        if isinstance(found, list) and all(isinstance(item, dict) for item in found):
            return [item for item in found if isinstance(item, dict)]
        msg = (
            f"{self.top_level(self._table)}: {self._table!r} is {shorten(repr(found))}."
        )
        raise ConfigError(msg, allowed=f"Each entry starts with [[{self._table}]].")

    def check_table(self, index: int, table: Table, kinds: Mapping[str, Kind]) -> None:
        """Check every key of one table.

        Raises:
            ConfigError: a key is unknown or its value is of the wrong kind.
        """
        for name, value in table.items():
            place = self.place(index, name)
            check_value(name, value, kinds, what="key", place=place)

    def _top_level_line(self, name: str) -> int:
        wanted = re.compile(rf"""\s*(\[\s*)*["']?{re.escape(name)}["']?\s*[=\].]""")
        for number, line in enumerate(self._lines, 1):
            if wanted.match(line):
                return number
        return 1


def check_value(
    name: str, value: Json, kinds: Mapping[str, Kind], *, what: str, place: str
) -> None:
    """Check one named value against the kinds that are allowed.

    Raises:
        ConfigError: the name is unknown or the value is of the wrong kind.
    """
    if name not in kinds:
        raise unknown_name(what, name, list(kinds), where=place)
    if not kinds[name].accepts(value):
        msg = f"{place}: {name!r} is {shorten(repr(value))}."
        raise ConfigError(msg, allowed=f"It takes {kinds[name].words}.")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        msg = f"{path}: byte {error.start} is not UTF-8."
        raise ConfigError(msg, fix="Save the file as UTF-8.") from error
    except OSError as error:
        msg = f"{str(path)!r} cannot be read: {error.strerror}."
        raise ConfigError(msg, fix="Correct the path or its permissions.") from error


def _parse(path: Path, text: str) -> dict[str, Json]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = _AT_LINE.search(message)
        line = int(found[1]) if found else text.count("\n") + 1
        reason = _AT_LINE.sub("", message)
        msg = f"{path}:{line}: this is not TOML: {reason}."
        raise ConfigError(msg, fix="Correct the line.") from error
