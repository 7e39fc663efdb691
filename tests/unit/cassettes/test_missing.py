"""A call without a recorded answer: the message says what is there instead."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.cassettes import (
    CassetteFolder,
    RecordedCall,
    not_recorded,
    other_weights,
)
from llmlab_pytest.core import Completion

Make = Callable[..., RecordedCall]
LONG = "word " * 40


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"temperature": 0.7},
            "request.config.temperature is 0 there and 0.7 now.",
        ),
        ({"draw": 2, "temperature": 1}, "draw is 1 there and 2 now; request.config"),
        (
            {"prompt": "Hi"},
            "request.prompt is [{'content': 'Hi', 'role': 'user'}] there and 'Hi' now.",
        ),
        (
            {"prompt": [{"role": "user", "content": "Ho"}]},
            "request.prompt[0].content is 'Hi' there and 'Ho' now.",
        ),
        (
            {"model": {"provider": "litellm", "id": "openai/gpt-2"}},
            "model.id is 'openai/gpt' there and 'openai/gpt-2' now.",
        ),
        ({"item": "jp", "temperature": 1}, "None there is for 'jp'."),
        ({"owner": "capitol"}, "Of 'mine' there are answers for: capitals."),
        ({"alias": "yours"}, "The models with answers there: mine."),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(value),
)
def test_the_nearest_answer_is_compared(
    tmp_path: Path, make_call: Make, change: dict[str, Any], says: str
) -> None:
    """What differs in the request, else which items, owners or models there are."""
    folder = CassetteFolder(tmp_path)
    folder.record(make_call(), Completion(text="x", model="mine"), weights=None)
    call = make_call(**change)
    assert folder.find(call) is None
    error = not_recorded(folder, call)
    assert says in error.allowed
    assert str(tmp_path / call.folder) in error.seen
    for part in (call.alias, call.parts["owner"], call.parts["item"]):
        assert repr(part) in error.seen
    assert f"--llmlab-record '{tmp_path}'" in error.fix


def test_long_texts_are_shown_where_they_differ(
    tmp_path: Path, make_call: Make
) -> None:
    """Of two prompts of hundreds of characters the message quotes the difference."""
    folder = CassetteFolder(tmp_path)
    call = make_call(prompt=f"{LONG}red {LONG}")
    folder.record(call, Completion(text="x", model="mine"), weights=None)
    error = not_recorded(folder, make_call(prompt=f"{LONG}blue {LONG}"))
    assert "word red word" in error.allowed
    assert "word blue word" in error.allowed
    assert len(error.allowed) < 300


def test_a_hidden_secret_is_named_as_the_cause(
    tmp_path: Path, make_call: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of the recording machine was in a prompt; here it is not set."""
    monkeypatch.setenv("ROOM_KEY", "blue-door")
    folder = CassetteFolder(tmp_path)
    call = make_call(prompt="Open the blue-door.")
    folder.record(call, Completion(text="x", model="mine"), weights=None)
    monkeypatch.delenv("ROOM_KEY")
    error = not_recorded(folder, make_call(prompt="Open the blue-door."))
    assert "'Open the [redacted].' (a secret is hidden) there" in error.allowed


def test_other_weights_are_named(tmp_path: Path, make_call: Make) -> None:
    """The beginnings of both digests, and how to go on."""
    folder = CassetteFolder(tmp_path)
    error = other_weights(folder, make_call(), was="a" * 64, now="b" * 64)
    assert f"recorded with {'a' * 12}, here are {'b' * 12}." in error.seen
    assert "--llmlab-record" in error.fix
