"""Rows of promptfoo's tests: variables, and one assertion that says what is right.

For a card with scorers of its own; `pytest promptfooconfig.yaml` runs the file itself,
with all that it asserts.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from llmlab_pytest.core import DataError, Json, shorten
from llmlab_pytest.tasks._foreign_fields import metadata_in, wrong_row
from llmlab_pytest.tasks._rows import Row

_CELL = re.compile(r"(?:(equals|i?contains|i?contains-any):)?(.*)", re.DOTALL)
_KINDS = ("equals", "contains", "icontains", "contains-any", "icontains-any")
_PLAIN = re.compile(r"not-|[a-z]+(-[a-z]+)*(\(\d|:)")


def promptfoo_row(row: Row, where: str) -> Row:
    """Return the variables as fields, with `target` by what is asserted.

    Raises:
        DataError: it asserts more than a target can say.
    """
    if "vars" in row or "assert" in row:
        return _inline(row, where)
    made: Row = {}
    for name, cell in row.items():
        if not name.startswith("__"):
            made[name] = cell
        elif name.startswith("__expected"):
            made |= _one_more(made, _from_cell(cell, where), where)
        elif name == "__description":
            made["description"] = cell
        elif name.startswith("__metadata:"):
            made[name.removeprefix("__metadata:")] = cell
        elif cell != "":
            raise _too_much(name, where)
    return made


def _inline(row: Row, where: str) -> Row:
    variables = row.get("vars") or {}
    if not isinstance(variables, dict):
        raise wrong_row(
            where, f"vars is {shorten(repr(variables))}", "It holds variables by name."
        )
    made: Row = {**metadata_in(row.get("metadata"), where), **variables}
    if "description" in row:
        made["description"] = row["description"]
    for each in row.get("assert") or ():
        if not isinstance(each, Mapping) or each.get("type") not in _KINDS:
            raise _too_much(repr(each), where)
        told = cast("Mapping[str, Any]", each)
        made |= _one_more(made, {"target": told.get("value")}, where)
    return made


def _from_cell(cell: str, where: str) -> dict[str, Json]:
    if not cell.strip():
        return {}
    found = _CELL.fullmatch(cell.strip())
    kind, text = found.groups() if found else (None, cell)
    if kind is None and _PLAIN.match(text):
        raise _too_much(cell, where)
    if kind is not None and kind.endswith("any"):
        return {"target": [part.strip() for part in text.split(",")]}
    return {"target": text.strip()}


def _one_more(made: Row, told: dict[str, Json], where: str) -> dict[str, Json]:
    if told and "target" in made:
        raise _too_much("a second assertion", where)
    return told


def _too_much(seen: str, where: str) -> DataError:
    return DataError(
        f"{where}: {shorten(seen)} asserts more than a target can say.",
        allowed=f"Rows assert one of {', '.join(_KINDS)}.",
        fix="Run promptfoo's file itself: pytest promptfooconfig.yaml.",
    )
