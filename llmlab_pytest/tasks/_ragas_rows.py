"""Rows of Ragas' datasets: `user_input`, `reference`, and contexts.

As `EvaluationDataset.to_jsonl` and `to_csv` save them: in a table's cells, lists are
Python's literals. Left out: turns of tools, and ids of contexts without their texts.
"""

from collections.abc import Mapping
from typing import Any, cast

from llmlab_pytest.core import DataError, Json, shorten
from llmlab_pytest.tasks._foreign_fields import (
    last_text,
    turns_in,
    value_in,
    wrong_row,
)
from llmlab_pytest.tasks._rows import Row

_ROLES = {"human": "user", "ai": "assistant"}
_LISTS = ("retrieved_contexts", "reference_contexts")


def ragas_row(row: Row, where: str) -> Row:
    """Return the row in the form of this package.

    `user_input` becomes the input, or the turns; `reference` the target;
    `retrieved_contexts` also the `context` that judges read.

    Raises:
        DataError: it has no input, or a turn of a tool.
    """
    asked = value_in(row.get("user_input"), where)
    if not asked:
        raise wrong_row(
            where,
            f"the row {shorten(repr(row))} has no user_input",
            "A row of ragas has user_input, a text or turns, and reference.",
        )
    turns = turns_in(_with_roles(asked, where), where)
    own = ("user_input", "reference")
    told = {name: value for name, value in row.items() if value not in (None, "")}
    made: Row = {name: value for name, value in told.items() if name not in own}
    for name in _LISTS:
        if name in made:
            made[name] = value_in(made[name], where)
    if "retrieved_contexts" in made:
        made.setdefault("context", made["retrieved_contexts"])
    made |= {"input": last_text(turns), "messages": turns}
    return made | ({"target": told["reference"]} if "reference" in told else {})


def _with_roles(given: Json, where: str) -> Json:
    if not isinstance(given, list):
        return given
    turns: list[Json] = []
    for each in given:
        turn = cast("Mapping[str, Any]", each) if isinstance(each, Mapping) else {}
        role = turn.get("role") or _ROLES.get(str(turn.get("type")))
        if role is None or turn.get("tool_calls"):
            raise DataError(
                f"{where}: the turn {shorten(repr(each))} is one of tools.",
                allowed="Turns are of people and of the assistant, and texts.",
                fix="Write a test in Python: llm(messages, tools=[...]).",
            )
        turns.append({"role": role, "content": turn.get("content")})
    return turns
