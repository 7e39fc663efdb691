"""The list of what should be exercised: `llmlab_coverage.toml`.

A table for each kind, such as `[risk]` or `[rule]`, says what there is (`items`, or the
lines of a `file`) and how a sample exercises it (`by`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from llmlab_pytest.core import (
    TEXT,
    TEXTS,
    ConfigError,
    Json,
    Kind,
    TomlFile,
    check_value,
)

_FIELD = "field:"
_BY = Kind(
    "'covers', 'tool', 'group', 'prompt' or 'field:NAME'",
    lambda v: (
        isinstance(v, str)
        and (v in ("covers", "tool", "group", "prompt") or v.removeprefix(_FIELD) != v)
    ),
)
_SHARE = Kind(
    "a share from 0 to 1",
    lambda v: isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1,
)
_KEYS = {
    "items": TEXTS,
    "file": TEXT,
    "pattern": TEXT,
    "files": TEXT,
    "by": _BY,
    "at_least": _SHARE,
}
_NUMBERED = r"\s*(\d+)[.)]\s"
"""A line of a numbered list; the item is its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One kind of things to exercise."""

    kind: str
    items: Mapping[str, str]
    """By name; of prompts their texts, else empty."""
    by: str = "covers"
    at_least: float | None = None

    @property
    def field(self) -> str | None:
        """The field of a row that names what it exercises."""
        return self.by.removeprefix(_FIELD) if self.by.startswith(_FIELD) else None


def read_declared(path: Path) -> list[Declared]:
    """Read a project's list.

    Raises:
        ConfigError: the file, or one that it names, cannot be read or says something
            wrong; names file and line.
    """
    file = TomlFile(path)
    found = []
    for kind, table in file.data.items():
        place = file.top_level(kind)
        if not isinstance(table, dict):
            raise ConfigError(
                f"{place}: {kind!r} is {table!r}.",
                allowed="Each kind is a table, as [risk], with items or a file.",
            )
        found.append(_declared(kind, table, path.parent, place))
    return found


def _declared(
    kind: str, table: Mapping[str, Json], folder: Path, place: str
) -> Declared:
    for name, value in table.items():
        check_value(name, value, _KEYS, what="key", place=place)
    given: dict[str, Any] = dict(table)
    by = given.get("by", "prompt" if "files" in given else "covers")
    sources = [name for name in ("items", "file", "files") if name in given]
    if len(sources) != 1 or ("files" in given) != (by == "prompt"):
        raise ConfigError(
            f"{place}: [{kind}] has {' and '.join(sources) or 'no items'}, by {by!r}.",
            allowed="It has items, a file whose lines are items, or (by 'prompt') "
            "files.",
        )
    return Declared(
        kind=kind,
        items=_items(given, folder, place),
        by=by,
        at_least=given.get("at_least"),
    )


def _items(given: Mapping[str, Any], folder: Path, place: str) -> dict[str, str]:
    if "items" in given:
        items = dict.fromkeys(cast("list[str]", given["items"]), "")
    elif "files" in given:
        paths = sorted(folder.glob(given["files"]))
        items = {p.relative_to(folder).as_posix(): _text(p, place) for p in paths}
    else:
        items = _of_lines(given, folder, place)
    if not items:
        raise ConfigError(
            f"{place}: nothing is declared.", fix="Correct items, file or pattern."
        )
    return items


def _of_lines(given: Mapping[str, Any], folder: Path, place: str) -> dict[str, str]:
    """Return the first group, or the whole, of each line that the pattern matches."""
    try:
        pattern = re.compile(given.get("pattern", _NUMBERED))
    except re.error as error:
        raise ConfigError(
            f"{place}: {given['pattern']!r} is no pattern: {error}.",
            fix="Correct the regular expression.",
        ) from error
    lines = _text(folder / given["file"], place).splitlines()
    matches = filter(None, map(pattern.match, lines))
    return {m[1] if pattern.groups else m[0]: "" for m in matches}


def _text(path: Path, place: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{place}: {str(path)!r} cannot be read: {error}.", fix="Correct the path."
        ) from error
