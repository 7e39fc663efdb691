"""Rows of OpenAI's evals: `input` is a conversation, `ideal` what is right.

Of the repository's registry, and of the service's files, whose rows stand in `item`.
Demonstrations, which the repository writes as system messages with a name, become turns
of the user and the assistant.
"""

from llmlab_pytest.core import Json, shorten
from llmlab_pytest.tasks._foreign_fields import last_text, turns_in, wrong_row
from llmlab_pytest.tasks._rows import Row

_NAMED = {"example_user": "user", "example_assistant": "assistant"}


def openai_row(row: Row, where: str) -> Row:
    """Return the row with `messages`, `input` and `target`, its other fields beside.

    Raises:
        DataError: it has no input.
    """
    item = row.get("item", row)
    if not isinstance(item, dict) or not item.get("input"):
        raise wrong_row(
            where,
            f"the row {shorten(repr(item))} has no input",
            "A row of openai-evals has input, a text or turns, and ideal.",
        )
    turns = turns_in(_renamed(item["input"]), where)
    others = {k: v for k, v in item.items() if k not in ("input", "ideal")}
    target = {"target": item["ideal"]} if "ideal" in item else {}
    return {**others, "input": last_text(turns), "messages": turns, **target}


def _renamed(given: Json) -> Json:
    if not isinstance(given, list):
        return given
    return [
        {**turn, "role": _NAMED.get(str(turn.get("name")), turn.get("role"))}
        if isinstance(turn, dict)
        else turn
        for turn in given
    ]
