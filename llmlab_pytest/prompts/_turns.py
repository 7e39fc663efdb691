"""A prompt as turns: joined to raw text, or sent as the messages of a chat.

Follows lm-eval 0.4.13 (`--apply_chat_template`, `--fewshot_as_multiturn`): system text
and description are one system message, demonstrations are turns of their own or part
of the one user message, and the whitespace between question and answer belongs to raw
text only. A text that the assistant's answer must begin with (`gen_prefix`) is left
out.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from llmlab_pytest.core import Message

ChatMode = Literal["off", "joined", "multiturn"]
"""Raw text; one user message with all demonstrations; each demonstration a turn."""


class Turn(NamedTuple):
    """One part of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str
    gap: str = ""
    """What separates it from the next part in raw text; no part of a message."""


def system_turns(
    system: str | None, description: str, *, delimiter: str
) -> tuple[Turn, ...]:
    """Return the system turn of a prompt, or none.

    Args:
        system: the instruction; `""` makes an empty message, which keeps a template
            from writing its own.
        description: of the task; follows the instruction.
        delimiter: put between both unless there is whitespace already.
    """
    if not system:
        is_empty = system is None and not description
        return () if is_empty else (Turn("system", description),)
    has_seam = not description or system[-1].isspace() or description[0].isspace()
    seam = "" if has_seam else delimiter
    return (Turn("system", f"{system}{seam}{description}"),)


def raw_text(turns: Iterable[Turn]) -> str:
    """Join all turns, each followed by its gap."""
    return "".join(turn.content + turn.gap for turn in turns)


def messages_of(turns: Sequence[Turn], mode: ChatMode) -> tuple[Message, ...]:
    """Return the messages of a chat.

    Args:
        turns: a system turn or none, demonstrations, and the question as the last.
        mode: `joined` makes one user message of everything but the system turn.
    """
    if mode == "joined":
        is_led = turns[0].role == "system"
        asked = Turn("user", raw_text(turns[is_led:]))
        turns = [*turns[:is_led], asked]
    return tuple(Message(turn.role, turn.content) for turn in turns)
