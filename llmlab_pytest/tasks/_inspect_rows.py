"""Rows of inspect_ai's datasets: `input`, `target`, `choices`, `id`, `metadata`.

Read as its default `FieldSpec` does: choices in a cell are parted by commas, else by
white space; metadata in a cell is JSON. Fields of `metadata` become fields of the row,
for templates. Left out: `sandbox`, `files`, `setup` and `checkpoint`, which are for
agents.
"""

from llmlab_pytest.core import DataError, Json, shorten
from llmlab_pytest.tasks._foreign_fields import (
    last_text,
    metadata_in,
    turns_in,
    wrong_row,
)
from llmlab_pytest.tasks._rows import Row

_OWN = ("input", "target", "choices", "id", "metadata", "messages")
_AGENTS = ("sandbox", "files", "setup", "checkpoint")


def inspect_row(row: Row, where: str) -> Row:
    """Return the row in the form of this package.

    Raises:
        DataError: it has no input, or is made for an agent.
    """
    if not row.get("input"):
        raise wrong_row(
            where,
            f"the row {shorten(repr(row))} has no input",
            "A row of inspect has input, a text or turns, and target.",
        )
    for name in _AGENTS:
        if row.get(name):
            raise DataError(
                f"{where}: the row has {name!r}, which is for agents.",
                allowed="Rows have input, target, choices, id and metadata.",
            )
    turns = turns_in(row["input"], where)
    made: Row = {
        **{key: value for key, value in row.items() if key not in (*_OWN, *_AGENTS)},
        **metadata_in(row.get("metadata"), where),
        "input": last_text(turns),
        "messages": turns,
        "target": _target(row.get("target")),
    }
    if row.get("id") is not None and row["id"] != "":
        made["id"] = row["id"]
    if choices := _choices(row.get("choices")):
        made["choices"] = choices
    return made


def _target(given: Json) -> Json:
    if given is None:
        return ""
    return [str(each) for each in given] if isinstance(given, list) else str(given)


def _choices(given: Json) -> list[Json]:
    if given is None:
        return []
    if isinstance(given, str):
        parts: list[Json] = list(given.split(","))
        given = parts if len(parts) > 1 else list(given.split())
    many = given if isinstance(given, list) else [given]
    return [str(each).strip() for each in many if str(each).strip()]
