"""A row that is a conversation: its turns are asked as they are."""

from collections.abc import Mapping, Sequence
from typing import Literal, cast, get_args

from llmlab_pytest.core import DataError, shorten
from llmlab_pytest.prompts import Turn, evaluate

_Role = Literal["system", "user", "assistant"]
_ROLES = get_args(_Role)


def turns_of(
    expression: str, row: Mapping[str, object], *, gap: str, where: str
) -> tuple[Turn, ...]:
    """Return the turns of a row.

    Args:
        expression: of the list of turns: objects with `role` and `content`.
        row: the row.
        gap: what separates two turns where a model takes raw text.
        where: card and row, for messages.

    Raises:
        ConfigError: the expression has a syntax error.
        DataError: it gives no list of turns, or a turn holds more than text.
    """
    given = evaluate(expression, row, where=where)
    if not isinstance(given, (list, tuple)) or not given:
        raise _no_turns(given, where)
    turns = [_turn(each, where) for each in given]
    separated = [turn._replace(gap=gap) for turn in turns[:-1]]
    return (*separated, turns[-1])


def text_of_turn(content: object, where: str) -> str:
    """Return the text of a turn: a text, or parts of the type `text`.

    Raises:
        DataError: it holds something else, such as an image.
    """
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence) and content:
        return "\n".join(_part(each, where) for each in content)
    raise _no_turns(content, where)


def _turn(given: object, where: str) -> Turn:
    if not isinstance(given, Mapping) or given.get("role") not in _ROLES:
        raise _no_turns(given, where)
    if "tool_calls" in given:
        raise DataError(
            f"{where}: a turn calls tools.",
            allowed="The turns of a row are texts.",
            fix="Write a test in Python: llm(messages, tools=[...]).",
        )
    return Turn(cast("_Role", given["role"]), text_of_turn(given.get("content"), where))


def _part(part: object, where: str) -> str:
    if isinstance(part, Mapping) and isinstance(text := part.get("text"), str):
        return text
    raise _no_turns(part, where)


def _no_turns(given: object, where: str) -> DataError:
    return DataError(
        f"{where}: {shorten(repr(given))} where the turns of a conversation stand.",
        allowed='A turn is {"role": "user", "content": "..."}, with the role system, '
        "user or assistant and a text.",
    )
