"""Rows of LangSmith's datasets: `inputs`, `outputs`, `metadata`, by name.

As they are exported, or as `client.list_examples` gives them. A table that is exported
as CSV has a column for each name and needs no conversion.
"""

from llmlab_pytest.core import Json, shorten
from llmlab_pytest.tasks._foreign_fields import (
    last_text,
    metadata_in,
    turns_in,
    wrong_row,
)
from llmlab_pytest.tasks._rows import Row

_CHATS = ("messages", "input")
_IDLE = ("created_at", "modified_at", "dataset_id", "source_run_id", "attachments")


def langsmith_row(row: Row, where: str) -> Row:
    """Return the row with its inputs as fields, and its one output as the target.

    Several outputs stay in the field `outputs`: the card's `target` says which is it.

    Raises:
        DataError: it has no inputs.
    """
    inputs = metadata_in(row.get("inputs"), where)
    if not inputs:
        raise wrong_row(
            where,
            f"the row {shorten(repr(row))} has no inputs",
            "A row of langsmith has inputs and outputs, objects with names.",
        )
    made: Row = {
        **{k: v for k, v in row.items() if k not in ("inputs", *_IDLE, "metadata")},
        **metadata_in(row.get("metadata"), where),
        **inputs,
    }
    chat = next((inputs[name] for name in _CHATS if _is_chat(inputs.get(name))), None)
    if chat is not None:
        turns = turns_in(chat, where)
        made |= {"messages": turns, "input": last_text(turns)}
    elif "input" not in made and len(inputs) == 1:
        (made["input"],) = inputs.values()
    outputs = metadata_in(row.get("outputs"), where)
    if len(outputs) == 1:
        (target,) = outputs.values()
        if isinstance(target, (str, int, float)):
            made["target"] = target
    return made


def _is_chat(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
