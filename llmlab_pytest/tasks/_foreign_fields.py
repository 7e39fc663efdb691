"""Fields of rows that other tools write: as values, or in a table's cells as text."""

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from llmlab_pytest.core import DataError, Json, shorten
from llmlab_pytest.tasks._conversation import text_of_turn

Turns = list[dict[str, str]]


def wrong_row(where: str, seen: str, allowed: str) -> DataError:
    """Return the error of a row that is not what its form says."""
    return DataError(f"{where}: {seen}.", allowed=allowed)


def value_in(cell: Json, where: str) -> Json:
    """Return the value of a cell that holds JSON, other values as they are.

    What Python's `csv` makes of a list is read too: its literal, which is only a value.

    Raises:
        DataError: it begins as one of them and is neither.
    """
    if not isinstance(cell, str) or not cell.lstrip().startswith(("{", "[")):
        return cell
    try:
        value: Json = json.loads(cell)
    except ValueError as error:
        try:
            value = ast.literal_eval(cell.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise DataError(
                f"{where}: the cell {shorten(cell)!r} is not JSON: {error}.",
                fix="Correct the cell.",
            ) from error
    return value


def turns_in(given: Json, where: str) -> Turns:
    """Return the turns of a conversation; a text is one turn of the user.

    Raises:
        DataError: a turn has no role or text.
    """
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, Sequence) or not given:
        raise wrong_row(
            where, f"the input is {shorten(repr(given))}", "It is a text, or turns."
        )
    return [_turn(each, where) for each in given]


def last_text(turns: Turns) -> str:
    """Return what the user said last, which is what a judge reads as the question."""
    users = [turn["content"] for turn in turns if turn["role"] == "user"]
    return users[-1] if users else turns[-1]["content"]


def metadata_in(given: Json, where: str) -> dict[str, Json]:
    """Return the fields of an object, none where it is missing.

    Raises:
        DataError: it is no object.
    """
    value = value_in(given, where)
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise wrong_row(
            where, f"the metadata is {shorten(repr(value))}", "It is an object."
        )
    return value


def _turn(given: Any, where: str) -> dict[str, str]:
    if not isinstance(given, Mapping) or "role" not in given:
        raise wrong_row(
            where,
            f"{shorten(repr(given))} where a turn stands",
            'A turn is {"role": "user", "content": "…"}.',
        )
    turn = cast("Mapping[str, Any]", given)
    return {
        "role": str(turn["role"]),
        "content": text_of_turn(turn.get("content"), where),
    }
