"""A folder of cassettes: what was recorded is replayed, and may be edited."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.cassettes import CassetteFolder, RecordedCall
from llmlab_pytest.core import (
    CassetteError,
    Completion,
    ContinuationLogprob,
    Price,
    TokenLogprob,
    ToolCall,
    Usage,
)

Make = Callable[..., RecordedCall]
ANSWER = Completion(
    text="é\0\ud800 \nParis",
    model="mine",
    usage=Usage(input_tokens=3, output_tokens=2),
    stop_reason="length",
    latency_s=1.5,
    ttft_s=0.5,
    cost_usd=0.25,
    price=Price(
        source="/home/me/evals/llmlab_models.toml:3",
        read_on="2026-11-25",
        usd_per_million_tokens={"input": 1.0},
    ),
    compute_s=0.25,
    token_logprobs=(TokenLogprob("a\nb", -0.5),),
    attempts=2,
)
WRITER = """
import sys
from pathlib import Path
from llmlab_pytest.cassettes import CassetteFolder, RecordedCall
from llmlab_pytest.core import Completion, ModelSpec

folder = CassetteFolder(Path(sys.argv[1]))
spec = ModelSpec(alias="m", provider="p", id="x")
for number in range(100):
    call = RecordedCall.of(
        spec, model={}, request={"kind": "generate", "config": {}}, owner="qa",
        item=f"s{number // 2}", draw=1,
    )
    text = sys.argv[2] * 5000
    folder.record(call, Completion(text=text, model="m"), weights=None)
"""


def _recorded(folder: CassetteFolder, call: RecordedCall) -> Path:
    folder.record(call, ANSWER, weights=None)
    return folder.path / call.file


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_an_answer_comes_back_as_the_model_gave_it(
    tmp_path: Path, make_call: Make
) -> None:
    """Every field returns, except the folder that a price came from."""
    CassetteFolder(tmp_path).record(make_call(), ANSWER, weights="abc")
    entry = CassetteFolder(tmp_path).find(make_call())
    assert entry is not None
    assert entry.weights == "abc"
    assert entry.completion.price is not None
    assert entry.completion.price.source == "llmlab_models.toml:3"
    assert replace(entry.completion, price=ANSWER.price) == ANSWER
    assert CassetteFolder(tmp_path).find(make_call(draw=2, temperature=1)) is None


def test_loglikelihoods_come_back(tmp_path: Path, make_call: Make) -> None:
    """Answers without a text, one number for each continuation."""
    request = {
        "kind": "loglikelihood",
        "continuations": [{"context": "a", "text": "b"}],
    }
    call = make_call(request=request)
    answer = Completion(
        text="", model="mine", continuations=(ContinuationLogprob(-2.0, False, 2),)
    )
    CassetteFolder(tmp_path).record(call, answer, weights=None)
    entry = CassetteFolder(tmp_path).find(call)
    assert entry is not None
    assert entry.completion == answer
    assert isinstance(entry.completion.continuations[0].loglikelihood, float)
    path = tmp_path / call.file
    _change(path, '"continuations": [\n      {', '"continuations": [\n      {}, {')
    with pytest.raises(CassetteError, match="is missing"):
        CassetteFolder(tmp_path).find(call)


def test_the_same_answer_leaves_its_file_untouched(
    tmp_path: Path, make_call: Make
) -> None:
    """Another latency, or the day of the price, is no difference to commit."""
    folder = CassetteFolder(tmp_path)
    path = _recorded(folder, make_call())
    before = path.read_bytes()
    assert ANSWER.price is not None
    later = replace(ANSWER.price, read_on="2027-01-01", source="litellm 2")
    folder.record(
        make_call(), replace(ANSWER, latency_s=9.0, price=later), weights=None
    )
    assert path.read_bytes() == before
    folder.record(make_call(), replace(ANSWER, text="London"), weights=None)
    entry = folder.find(make_call())
    assert entry is not None
    assert entry.completion.text == "London"


def test_calls_of_tools_come_back_line_by_line(tmp_path: Path, make_call: Make) -> None:
    """Lists of texts stay lists in arguments; a text is not needed beside calls."""
    calls = (
        ToolCall("1", "note", {"text": ["a", "b"], "prompt": "c\nd"}),
        ToolCall("2", "note", '{"a'),
    )
    answer = Completion(text="", model="mine", tool_calls=calls)
    folder = CassetteFolder(tmp_path)
    folder.record(make_call(), answer, weights=None)
    path = tmp_path / make_call().file
    content = json.loads(path.read_text("utf-8"))["completion"]
    assert content.keys() == {"tool_calls"}
    entry = folder.find(make_call())
    assert entry is not None
    assert entry.completion == answer


def test_other_ids_of_the_same_calls_leave_a_file_untouched(
    tmp_path: Path, make_call: Make
) -> None:
    """A provider makes them up anew; other arguments are another answer."""
    call = ToolCall("1", "note", {"n": 1})
    for again, text_of_id in (
        (replace(call, id="other"), '"id": "1"'),
        (replace(call, id="other", arguments={"n": 2}), '"id": "other"'),
    ):
        for made in (call, again):
            answer = Completion(text="", model="mine", tool_calls=(made,))
            folder = CassetteFolder(tmp_path)
            folder.record(make_call(), answer, weights=None)
        assert text_of_id in (tmp_path / make_call().file).read_text("utf-8")


def test_an_answer_may_be_written_by_hand(tmp_path: Path, make_call: Make) -> None:
    """A text alone is an answer; its lines may be a list."""
    folder = CassetteFolder(tmp_path)
    path = _recorded(folder, make_call())
    content = json.loads(path.read_text("utf-8"))
    content["completion"] = {"text": ["Paris,", "I think."]}
    path.write_text(json.dumps(content), encoding="utf-8")
    entry = folder.find(make_call())
    assert entry is not None
    assert entry.completion == Completion(text="Paris,\nI think.", model="mine")


@pytest.mark.parametrize(
    ("old", "new", "line_of", "trouble"),
    [
        ('"format": 1', '"format": 2', "format", "the format is 2"),
        ('"stop_reason": "length"', '"stop_reason": "end"', "stop_reason", "'end'"),
        ('"cost_usd": 0.25', '"cost_usd": "free"', "cost_usd", "'free'"),
        ('"input_tokens": 3', '"input_tokens": -3', "input_tokens", "-3"),
        ('"attempts"', '"attempt"', "attempt", "Unknown key 'attempt'"),
        ('"content": "Hi"', '"content": "Ho"', "call", "it was edited"),
        ('"completion"', '"answer"', "answer", "Unknown key 'answer'"),
        ('"logprob": -0.5,', "", "token_logprobs", "'logprob' is missing"),
    ],
    ids=lambda value: value if value.isidentifier() else "",
)
def test_a_wrong_edit_is_named_with_its_line(
    tmp_path: Path, make_call: Make, old: str, new: str, line_of: str, trouble: str
) -> None:
    """The message has file and line, and what is allowed or what to do."""
    path = _recorded(CassetteFolder(tmp_path), make_call())
    _change(path, old, new)
    lines = path.read_text("utf-8").split("\n")
    line = next(n for n, text in enumerate(lines, 1) if f'"{line_of}"' in text)
    with pytest.raises(CassetteError) as caught:
        CassetteFolder(tmp_path).find(make_call())
    assert f"{path}:{line}" in caught.value.seen
    assert trouble in caught.value.seen


def test_an_answer_without_a_text_is_incomplete(
    tmp_path: Path, make_call: Make
) -> None:
    """Leaving it out is a slip; an empty text is an answer."""
    path = _recorded(CassetteFolder(tmp_path), make_call())
    content = json.loads(path.read_text("utf-8"))
    content["completion"] = {}
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    with pytest.raises(CassetteError, match="It has a 'text'"):
        CassetteFolder(tmp_path).find(make_call())
    content["completion"] = {"text": ""}
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    entry = CassetteFolder(tmp_path).find(make_call())
    assert entry is not None
    assert entry.completion.text == ""


def test_a_damaged_file_loses_nothing_else(tmp_path: Path, make_call: Make) -> None:
    """Its neighbours are replayed; recording replaces it."""
    folder = CassetteFolder(tmp_path)
    path = _recorded(folder, make_call())
    _recorded(folder, make_call(item="jp"))
    path.write_text("{", encoding="utf-8")
    reader = CassetteFolder(tmp_path)
    assert reader.find(make_call(item="jp")) is not None
    assert reader.find(make_call(item="new")) is not None  # greedy: the answer to jp
    folder.record(make_call(), ANSWER, weights=None)
    assert CassetteFolder(tmp_path).find(make_call()) is not None


def test_a_greedy_answer_serves_a_test_that_was_renamed(
    tmp_path: Path, make_call: Make
) -> None:
    """The same request of the same owner; sampled answers are draws of one item."""
    folder = CassetteFolder(tmp_path)
    _recorded(folder, make_call(item="old"))
    _recorded(folder, make_call(item="old", temperature=0.5))
    reader = CassetteFolder(tmp_path)
    assert reader.find(make_call(item="new")) is not None
    assert reader.used == {str(make_call(item="old").file)}
    assert reader.find(make_call(item="new", temperature=0.5)) is None
    assert reader.find(make_call(item="new", draw=2)) is None
    assert reader.find(make_call(item="old", owner="other")) is None


def test_a_moved_folder_keeps_its_answers(tmp_path: Path, make_call: Make) -> None:
    """A model or an owner that is renamed needs a rename of its folder."""
    folder = CassetteFolder(tmp_path)
    _recorded(folder, make_call())
    (tmp_path / "mine").rename(tmp_path / "yours")
    entry = CassetteFolder(tmp_path).find(make_call("yours"))
    assert entry is not None
    assert entry.completion.model == "yours"


def test_workers_record_at_the_same_time(tmp_path: Path) -> None:
    """Three processes write the same files: each is whole, and none is left over."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 50
    texts = [
        json.loads(path.read_text("utf-8"))["completion"]["text"] for path in files
    ]
    assert {text for text in texts if len(text) == 5000 and text[0] in "abc"}
    assert {len(set(text)) for text in texts} == {1}


def test_requests_that_differ_in_secrets_only_are_refused(
    tmp_path: Path, make_call: Make
) -> None:
    """Their answers would share a file, and a replay would hand out a wrong one."""
    keys = ["sk-aaaaaaaaaaaaaaaaaaaa", "sk-bbbbbbbbbbbbbbbbbbbb"]
    one, other = (make_call(prompt=f"Is {key} a key?") for key in keys)
    folder = CassetteFolder(tmp_path)
    _recorded(folder, one)
    with pytest.raises(CassetteError, match="differ in nothing but secrets"):
        folder.record(other, ANSWER, weights=None)


def test_no_secret_of_an_answer_is_written(tmp_path: Path, make_call: Make) -> None:
    """An answer that quotes a key is kept without it."""
    answer: Any = replace(ANSWER, text="It is sk-planted-0123456789abcdef.\nReally.")
    folder = CassetteFolder(tmp_path)
    folder.record(make_call(), answer, weights=None)
    assert "planted" not in (tmp_path / make_call().file).read_text("utf-8")
    entry = folder.find(make_call())
    assert entry is not None
    assert entry.completion.text == "It is [redacted].\nReally."


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, make_call: Make
) -> None:
    """A file in its place: before the run, or under way."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(CassetteError, match=r"taken.*cannot be written"):
        CassetteFolder(tmp_path / "taken").prepare()
    (tmp_path / "mine").write_text("")
    with pytest.raises(CassetteError, match=r"mine.*cannot be written"):
        CassetteFolder(tmp_path).record(make_call(), ANSWER, weights=None)
