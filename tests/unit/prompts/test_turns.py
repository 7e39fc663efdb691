"""Turns as raw text and as messages: what lm-eval's chat options make of a prompt."""

import pytest

from llmlab_pytest.core import Message
from llmlab_pytest.prompts import Turn, messages_of, raw_text, system_turns

SHOTS = (
    Turn("user", "1+1?", " "),
    Turn("assistant", "2", "\n\n"),
    Turn("user", "2+2?"),
)


@pytest.mark.parametrize(
    ("system", "description", "content"),
    [
        ("Be brief.", "Sums.", "Be brief.||Sums."),
        ("Be brief.\n", "Sums.", "Be brief.\nSums."),
        ("Be brief.", "\nSums.\n\n", "Be brief.\nSums.\n\n"),
        ("Be brief.", "", "Be brief."),
        (None, "Sums.\n\n", "Sums.\n\n"),
        ("", "Sums.", "Sums."),
        ("", "", ""),
    ],
)
def test_instruction_and_description_are_one_system_turn(
    system: str | None, description: str, content: str
) -> None:
    """The delimiter stands between them unless there is whitespace already."""
    turns = system_turns(system, description, delimiter="||")
    assert turns == (Turn("system", content),)


def test_without_instruction_and_description_there_is_no_system_turn() -> None:
    """A template may then write its own."""
    assert system_turns(None, "", delimiter="||") == ()


def test_raw_text_holds_the_gaps() -> None:
    """Nothing else is put between the turns, nor after the system text."""
    turns = (Turn("system", "Sums."), *SHOTS)
    assert raw_text(turns) == "Sums.1+1? 2\n\n2+2?"


def test_multiturn_messages_lack_the_gaps() -> None:
    """Each demonstration is a question and an answer of the conversation."""
    assert messages_of((Turn("system", "Sums."), *SHOTS), "multiturn") == (
        Message("system", "Sums."),
        Message("user", "1+1?"),
        Message("assistant", "2"),
        Message("user", "2+2?"),
    )


def test_joined_messages_keep_the_system_turn_apart() -> None:
    """Demonstrations and question are one user message, gaps included."""
    joined = Message("user", "1+1? 2\n\n2+2?")
    assert messages_of(SHOTS, "joined") == (joined,)
    assert messages_of((Turn("system", "Sums."), *SHOTS), "joined") == (
        Message("system", "Sums."),
        joined,
    )
