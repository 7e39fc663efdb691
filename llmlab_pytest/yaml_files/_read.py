"""YAML 1.2 as plain values that know where they were written.

PyYAML reads YAML 1.1, in which `no` is false and `12:30` is 750. What stands without
quotes is therefore decided here, by the core schema of YAML 1.2. Left out: dates, which
stay texts, and tags other than those of the core schema.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, cast

from llmlab_pytest.core import ConfigError, Json, LlmlabError, load, shorten
from llmlab_pytest.yaml_files._placed import Placed

_CORE = "tag:yaml.org,2002:"
_PLAIN = "plain"
_NULLS = frozenset(["", "~", "null", "Null", "NULL"])
_TRUE = frozenset(["true", "True", "TRUE"])
_FALSE = frozenset(["false", "False", "FALSE"])
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TAGS = frozenset(
    _CORE + name for name in ("str", "int", "float", "bool", "null", "map", "seq")
)
_MOST_VALUES = 1_000_000
"""Of a file with every alias written out: a few lines of aliases can stand for 10^9."""


def read_yaml(path: Path, *, error: type[LlmlabError] = ConfigError) -> Placed:
    """Read the one document of a file.

    Args:
        path: of the file.
        error: the class to raise.

    Raises:
        LlmlabError: of class `error`; the file cannot be read, or is not YAML as
            described above; names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as trouble:
        raise error(
            f"{str(path)!r} cannot be read: {trouble}.",
            fix="Correct the path, its permissions, or save the file as UTF-8.",
        ) from trouble
    return parse_yaml(text, str(path), error=error)


def parse_yaml(
    text: str, where: str, *, error: type[LlmlabError] = ConfigError
) -> Placed:
    """Read YAML from a text; `where` stands before the number of each line.

    Raises:
        LlmlabError: as for `read_yaml`.
    """
    yaml, reader = _reader()
    try:
        root = yaml.compose(text, Loader=reader)
    except yaml.YAMLError as trouble:
        mark = getattr(trouble, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        why = getattr(trouble, "problem", None) or str(trouble)
        raise error(
            f"{where}{line}: not YAML: {why}.", fix="Correct the line."
        ) from trouble
    except RecursionError as trouble:
        raise error(
            f"{where}: nested too deeply.", fix="Nest it less deeply."
        ) from trouble
    if root is None:
        return Placed(None, f"{where}:1")
    return _Builder(where, error).placed(root)


@cache
def _reader() -> tuple[Any, Any]:
    """Return PyYAML, and a loader that leaves plain scalars undecided."""
    yaml: Any = load("yaml", needed_by="a YAML file")

    def resolve(_: object, kind: Any, __: str, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else f"{_CORE}str"
        return f"{_CORE}{'seq' if kind is yaml.SequenceNode else 'map'}"

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml, type("Reader", (base,), {"resolve": resolve})


class _Builder:
    """Makes values of PyYAML's nodes; an alias is the value that it stands for."""

    def __init__(self, where: str, error: type[LlmlabError]) -> None:
        self._where = where
        self._error = error
        self._made: dict[int, Placed | None] = {}

    def placed(self, node: Any) -> Placed:
        """Return the value of a node."""
        place = f"{self._where}:{node.start_mark.line + 1}"
        if id(node) in self._made:
            known = self._made[id(node)]
            if known is None:
                raise self._error(
                    f"{place}: an alias stands for what holds it.",
                    fix="Remove the alias.",
                )
            return known
        self._made[id(node)] = None
        if node.id == "scalar":
            made = Placed(self._scalar(node, place), place)
        elif node.id == "sequence":
            made = self._list(node, place)
        else:
            made = self._mapping(node, place)
        if made.count > _MOST_VALUES:
            raise self._error(
                f"{place}: with aliases written out, this is {made.count:,} values.",
                allowed=f"At most {_MOST_VALUES:,}.",
            )
        self._made[id(node)] = made
        return made

    def _list(self, node: Any, place: str) -> Placed:
        self._check_tag(node, place)
        parts = [self.placed(each) for each in node.value]
        total = 1 + sum(part.count for part in parts)
        return Placed([part.value for part in parts], place, parts, total)

    def _mapping(self, node: Any, place: str) -> Placed:
        self._check_tag(node, place)
        parts: dict[str, Placed] = {}
        merged: dict[str, Placed] = {}
        for key, value in node.value:
            line = f"{self._where}:{key.start_mark.line + 1}"
            if key.id != "scalar":
                raise self._error(
                    f"{line}: a key is a list or mapping.", allowed="Keys are texts."
                )
            if key.tag == _PLAIN and key.value == "<<":
                merged |= self._merged(value, line)
            elif key.value in parts:
                raise self._error(
                    f"{line}: the key {key.value!r} stands here twice.",
                    fix="Remove one of the two.",
                )
            else:
                parts[key.value] = self.placed(value)
        parts = {**merged, **parts}
        total = 1 + sum(part.count for part in parts.values())
        plain = {name: part.value for name, part in parts.items()}
        return Placed(plain, place, parts, total)

    def _merged(self, node: Any, place: str) -> dict[str, Placed]:
        """Return what `<<` brings: of several mappings, the first has precedence."""
        source = self.placed(node)
        sources = source.entries() if isinstance(source.value, list) else [source]
        merged: dict[str, Placed] = {}
        for each in reversed(sources):
            if not isinstance(each.value, dict):
                raise self._error(
                    f"{place}: << brings {shorten(repr(each.value))}.",
                    allowed="It brings a mapping, or several.",
                )
            merged |= each.fields()
        return merged

    def _check_tag(self, node: Any, place: str) -> None:
        if node.tag not in _TAGS:
            raise self._error(
                f"{place}: the tag {node.tag!r}.",
                allowed="Values have no tags but those of YAML's core schema.",
            )

    def _scalar(self, node: Any, place: str) -> Json:
        text = cast("str", node.value)
        if node.tag == f"{_CORE}str":
            return text
        if node.tag != _PLAIN:
            self._check_tag(node, place)
        return _decided(text)


def _decided(text: str) -> Json:
    """Return what a plain scalar means in YAML 1.2's core schema."""
    if text in _NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text
