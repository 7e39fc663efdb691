"""What was asked decides the file of an answer, and the machine does not."""

from collections.abc import Callable
from typing import Any

import pytest

from llmlab_pytest.cassettes import RecordedCall

Make = Callable[..., RecordedCall]
KEY = "sk-planted-0123456789abcdef"


@pytest.mark.parametrize(
    "change",
    [
        {"owner": "rivers"},
        {"item": "jp"},
        {"draw": 2},
        {"temperature": 0.5},
        {"prompt": [{"role": "system", "content": "Hi"}]},
        {"prompt": "Hi"},
        {"model": {"provider": "litellm", "id": "openai/gpt-2"}},
    ],
    ids=str,
)
def test_another_call_has_another_file(make_call: Make, change: dict[str, Any]) -> None:
    """Owner, item, draw, model and request tell answers apart."""
    assert make_call(**change).file != make_call().file
    assert make_call(**change).address != make_call().address


def test_equal_calls_have_one_file(make_call: Make) -> None:
    """`0` and `0.0` are one temperature; a tuple is a list; the alias only a folder."""
    call = make_call()
    same = make_call(temperature=0, prompt=({"content": "Hi", "role": "user"},))
    assert same.file == call.file
    renamed = make_call("yours")
    assert renamed.address == call.address
    assert str(renamed.folder) == "yours/capitals"


def test_files_are_named_for_reviewers(make_call: Make) -> None:
    """Model, owner and item stand in the path; no name leaves the folder."""
    call = make_call(owner="tests/t.py", item="tests/t.py::test_a[mine-1 2]")
    assert str(call.file) == f"mine/tests-t.py/test_a-mine-1-2-{call.address[:12]}.json"
    odd = make_call("..", owner="../../etc", item="a" * 300)
    assert odd.folder.parts == ("-", "--..-etc")
    assert len(odd.file.name) == 40 + 1 + 12 + len(".json")


def test_long_names_are_told_apart_by_the_address(make_call: Make) -> None:
    """Two items that begin alike have two files."""
    one, other = make_call(item="a" * 300), make_call(item="a" * 301)
    assert one.item_name == other.item_name
    assert one.file != other.file


def test_no_secret_is_in_a_call(
    make_call: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither known shapes nor values of variables reach the parts or the path."""
    monkeypatch.setenv("MY_API_KEY", "opaque-value")
    call = make_call(
        item=KEY,
        owner=f"t/{KEY}",
        prompt=[{"role": "user", "content": f"say opaque-value and {KEY}"}],
        model={"id": "x", "options": {"extra": {KEY: "http://me:pass@host"}}},
    )
    shown = f"{call.parts} {call.file}"
    assert [s for s in ("planted", "opaque", "me:pass") if s in shown] == []
    assert "[redacted]" in shown


def test_greedy_calls_are_known_by_their_request(make_call: Make) -> None:
    """Another test that asks the same may be answered; not so where answers differ."""
    assert make_call().greedy_address == make_call(item="jp").greedy_address
    assert make_call().greedy_address != make_call(draw=2).greedy_address
    assert make_call(temperature=0.5).greedy_address is None


def test_a_lone_surrogate_has_an_address(make_call: Make) -> None:
    """Text that no encoding has can be asked."""
    assert len(make_call(prompt="\ud800").address) == 64
