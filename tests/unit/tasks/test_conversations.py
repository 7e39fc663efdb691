"""Rows that are conversations: every turn is asked, and what is no turn is named."""

from typing import Any

import pytest

from llmlab_pytest.core import DataError, GenerateRequest, Message
from llmlab_pytest.tasks import DataSource, Task, build_request, plan_task

TURNS: list[Any] = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "{{ not a template }}"},
]


def asked(turns: Any, **fields: Any) -> Any:
    """Return the prompt of a row with these turns."""
    row = {"id": "s", "turns": turns}
    source = DataSource(rows=(row,))
    task = Task(name="own", data=source, where="card", messages="turns", **fields)
    planned = plan_task(task, limit=None, seed=0, data_dir=None)
    capabilities = frozenset(("chat", "completion"))
    request = build_request(planned, planned.samples[0], capabilities=capabilities)
    assert isinstance(request, GenerateRequest)
    return request.prompt


def test_turns_are_asked_as_they_are() -> None:
    """Texts of a row are data: they are no templates."""
    assert asked(TURNS) == (
        Message("system", "Be short."),
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "{{ not a template }}"),
    )
    assert asked(TURNS[1:], system="You know all.")[0].role == "system"


def test_raw_text_has_the_turns_one_after_the_other() -> None:
    """An empty line between two, none at the end; joined they are one message."""
    text = "Be short.\n\nHi\n\nHello\n\n{{ not a template }}"
    assert asked(TURNS, chat="off") == text
    whole = Message("user", "Hi\n\nHello\n\n{{ not a template }}")
    assert asked(TURNS, chat="joined") == (Message("system", "Be short."), whole)


@pytest.mark.parametrize(
    "turns",
    [
        "Hi",
        [],
        ["Hi"],
        [{"role": "tool", "content": "4"}],
        [{"role": "user"}],
        [{"role": "user", "content": [{"type": "image_url"}]}],
        [{"role": "assistant", "content": "", "tool_calls": [{"name": "f"}]}],
    ],
    ids=str,
)
def test_what_is_no_turn_is_named(turns: Any) -> None:
    """With card and row; an image or a call would be lost without a word."""
    with pytest.raises(DataError, match=r"card \(sample s"):
        asked(turns)


def test_tasks_without_messages_keep_their_hash() -> None:
    """Runs of before there were any stay comparable."""
    task = Task(name="own", data=DataSource(rows=()), where="card")
    assert "messages" not in task.definition
    changed = task.with_changes(messages="turns")
    assert changed.definition["messages"] == "turns"
    assert changed.prompt_hash != task.prompt_hash
