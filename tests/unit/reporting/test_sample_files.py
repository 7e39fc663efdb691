"""JSON lines and CSV: what is kept of every sample, for programs and spreadsheets."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    ContinuationLogprob,
    GenerateRequest,
    Image,
    Message,
    Report,
    SampleRecord,
    SampleResult,
    Score,
    ToolCall,
)
from llmlab_pytest.reporting import TaskSamples, render_csv, render_jsonl
from llmlab_pytest.reporting._csv import COLUMNS
from llmlab_pytest.reporting._samples import asked_of, target_text, turn_text
from llmlab_pytest.store import request_json

HOSTILE = (
    "</script><script>alert(1)</script> \x1b[31m \u202e \0 \ud800 \u2028 "
    f"'\"& {'W' * 40_000}"
)
SECRET = "sk-" + "a1B2" * 8
ARC = {
    "id": "own",
    "question": "Which floats?",
    "choices": {"text": ["stone", "cork"], "label": ["A", "B"]},
    "answerKey": "B",
}


def with_texts(table: TaskSamples, text: str) -> TaskSamples:
    """Put a text wherever a run may have one."""
    (record, *_) = table.records
    completion, sample = record.completion, record.sample
    assert completion is not None
    assert sample is not None
    score = Score(scorer="numeric", value=0.0, answer=text, explanation=text)
    hostile = SampleRecord(
        result=replace(record.result, scores=(score,)),
        sample=replace(sample, input=text, target=text, metadata={"q": text}),
        request={"kind": "generate", "prompt": text, "config": {}},
        completion=replace(completion, text=text, continuations=()),
        stratum=text,
    )
    return replace(table, records=[hostile])


def lines_of(report: Report, *tables: TaskSamples) -> list[dict[str, Any]]:
    return [json.loads(line) for line in render_jsonl(report, tables)]


def cells_of(report: Report, *tables: TaskSamples) -> list[dict[str, str]]:
    text = "".join(render_csv(report, tables))
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def table(card: Callable[..., Any], judged: Callable[..., Any]) -> TaskSamples:
    """One multiple-choice sample that was answered wrongly."""
    judged_table: TaskSamples = judged(
        card("arc_easy", [ARC]), [[(-1.0, True), (-2.5, False)]]
    )
    return judged_table


def test_json_line_gives_back_what_the_run_kept(
    table: TaskSamples, report: Callable[..., Report]
) -> None:
    """Result, sample, request and completion can be rebuilt from one line."""
    (record,) = table.records
    (line,) = lines_of(report(table), table)
    assert record.sample is not None
    assert record.completion is not None
    assert line["run_id"] == "20261124-180501-abc"
    assert (line["sample_id"], line["position"], line["outcome"]) == ("own", 0, "miss")
    assert line["prompt"] == "Question: Which floats?\nAnswer:"
    assert line["row"] == ARC
    assert line["choices"] == ["stone", "cork"]
    assert line["target"] == 1
    assert tuple(Score(**score) for score in line["scores"]) == record.result.scores
    assert [part.pop("text") for part in line["continuations"]] == [" stone", " cork"]
    again = tuple(ContinuationLogprob(**part) for part in line["continuations"])
    assert again == record.completion.continuations
    assert (line["input_tokens"], line["output_tokens"]) == (7, 2)
    assert (line["cost_usd"], line["latency_s"], line["completion"]) == (
        0.25,
        0.5,
        None,
    )


def test_whole_text_is_kept_with_its_likelihood(
    whole_text: TaskSamples, report: Callable[..., Report]
) -> None:
    """A perplexity has no prompt: the text is what was scored, without a context."""
    (line,) = lines_of(report(), whole_text)
    assert (line["prompt"], line["completion"]) == (None, None)
    (part,) = line["continuations"]
    assert (part["context"], part["text"], part["loglikelihood"]) == ("", "a b", -6.0)
    assert [(s["value"], s["weight"]) for s in line["scores"][:2]] == [(3, 2), (2, 3)]
    (cells,) = cells_of(report(), whole_text)
    assert (cells["target"], cells["score"]) == ("a b", "3.0")


def test_contexts_that_differ_are_kept_with_their_continuations(
    card: Callable[..., Any],
    judged: Callable[..., Any],
    report: Callable[..., Report],
) -> None:
    """WinoGrande asks one ending after two contexts: no prompt is the prompt."""
    row = {"sentence": "Ann met Eve; _ won.", "option1": "Ann", "option2": "Eve"}
    task = card("winogrande", [{**row, "answer": "1"}])
    (line,) = lines_of(report(), judged(task, [[(-1.0, True), (-2.0, False)]]))
    assert line["prompt"] is None
    contexts = [part["context"] for part in line["continuations"]]
    assert contexts == ["Ann met Eve; Ann", "Ann met Eve; Eve"]


def test_hostile_text_survives_a_json_line_whole(
    table: TaskSamples, report: Callable[..., Report]
) -> None:
    """NUL, lone surrogates and line separators come back; one record is one line."""
    hostile = with_texts(table, HOSTILE)
    (text,) = render_jsonl(report(table), [hostile])
    assert text.isascii()
    assert text.splitlines() == [text.rstrip("\n")]
    line = json.loads(text)
    for field in ("prompt", "completion", "target", "stratum", "input"):
        assert line[field] == HOSTILE, field


def test_cells_are_safe_to_open_in_a_spreadsheet(
    table: TaskSamples, report: Callable[..., Report]
) -> None:
    """No control character, no cell above Excel's limit; the columns are stable."""
    (cells,) = cells_of(report(table), with_texts(table, HOSTILE))
    assert tuple(cells) == COLUMNS
    for field in ("prompt", "completion", "prediction", "target", "explanation"):
        assert cells[field].startswith("</script><script>alert(1)</script> \\x1b[31m")
        assert "\\u202e \\x00 \\ud800 \u2028" in cells[field]
        assert cells[field].endswith("[cut]")
        assert len(cells[field]) < 32_767


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n"])
def test_formulas_are_text(
    table: TaskSamples, report: Callable[..., Report], start: str
) -> None:
    """What a spreadsheet would compute begins with an apostrophe; numbers do not."""
    (cells,) = cells_of(report(table), with_texts(table, f"{start}HYPERLINK(A1)"))
    assert cells["completion"] == f"'{start}HYPERLINK(A1)"
    assert (cells["score"], cells["latency_s"]) == ("0.0", "0.5")


def test_secrets_reach_neither_file(
    table: TaskSamples,
    report: Callable[..., Report],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Values of `*_KEY` variables and known key shapes are replaced everywhere."""
    monkeypatch.setenv("MY_API_KEY", "hunter2-hunter2")
    secret = with_texts(table, f"{SECRET} and hunter2-hunter2")
    for render in (render_jsonl, render_csv):
        text = "".join(render(report(table), [secret]))
        assert "[redacted] and [redacted]" in text
        assert SECRET not in text
        assert "hunter2" not in text


CALL = ToolCall("1", "weather", {"city": "Köln"})
TALK = GenerateRequest(
    (
        Message("user", ("Where?", Image.of("https://a.example/x"))),
        Message("assistant", "", tool_calls=(CALL, ToolCall("2", "weather", "{"))),
        Message("tool", "rain", tool_call_id="1"),
    )
)


def test_images_and_calls_are_read_as_text(
    table: TaskSamples, report: Callable[..., Report]
) -> None:
    """In the cells of a spreadsheet; JSON lines have them as values."""
    (record, *_) = table.records
    completion = Completion(text="Then:", model="m", tool_calls=(CALL,))
    asked = SampleRecord(
        result=record.result,
        request=json.loads(json.dumps(request_json(TALK))),
        completion=completion,
    )
    called = replace(table, records=[asked])
    (cells,) = cells_of(report(table), called)
    assert cells["prompt"] == (
        "user: Where?\n[image at https://a.example/x]\n\n"
        'assistant: weather({"city": "Köln"})\nweather({)\n\n'
        "tool: rain"
    )
    assert cells["completion"] == 'Then:\nweather({"city": "Köln"})'
    (line,) = lines_of(report(table), called)
    assert line["completion"] == "Then:"
    assert line["tool_calls"] == [
        {"id": "1", "name": "weather", "arguments": {"city": "Köln"}}
    ]
    assert line["prompt"][2]["tool_call_id"] == "1"


def test_an_image_is_named_by_type_size_and_digest() -> None:
    """What it shows is in the file that the digest belongs to."""
    image = {
        "media_type": "image/png",
        "sha256": "0123456789abcdef",
        "size_bytes": 4321,
    }
    turn = {"role": "user", "content": [{"image": image}]}
    assert turn_text(turn) == "[image/png, 4,321 bytes, sha256 0123456789ab…]"


def test_contexts_of_messages_are_told_once() -> None:
    """Choices after one conversation share it, as those after one text do."""
    context = [{"role": "user", "content": "Hi"}]
    other = [{"role": "user", "content": "Ho"}]
    parts = [{"context": context, "text": "a"}, {"context": [*context], "text": "b"}]
    assert asked_of({"continuations": parts}).prompt == context
    parts[1] = {"context": other, "text": "b"}
    assert asked_of({"continuations": parts}).prompt is None


def test_error_and_behaviour_test_have_a_line(
    table: TaskSamples, report: Callable[..., Report]
) -> None:
    """Neither was answered: what is not known is null, not zero."""
    results = [
        SampleResult(task="t", model="m", sample_id="a", error="ProviderTimeout: 60 s"),
        SampleResult(
            task="t",
            model="m",
            sample_id="test_x",
            scores=(Score(scorer="passed", value=1.0),),
        ),
    ]
    both = replace(table, records=[SampleRecord(result=result) for result in results])
    lines = lines_of(report(table), both)
    assert [line["outcome"] for line in lines] == ["error", "hit"]
    assert [line["prompt"] for line in lines] == [None, None]
    assert lines[0]["cost_usd"] is None
    cells = cells_of(report(table), both)
    assert [line["score"] for line in cells] == ["", "1.0"]
    assert cells[0]["error"] == "ProviderTimeout: 60 s"


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (1.0, "hit"),
        (0.0, "miss"),
        (0.4, "partial"),
        (None, "unscored"),
        (5.0, "partial"),
    ],
)
def test_outcome_is_that_of_the_primary_score(
    value: float | None, outcome: str
) -> None:
    """A later score changes nothing; partial credit is neither hit nor miss."""
    scores = (Score(scorer="a", value=value), Score(scorer="b", value=0.0))
    result = SampleResult(task="t", model="m", sample_id="s", scores=scores)
    assert result.outcome == outcome


def test_target_is_shown_as_the_text_of_the_choice(table: TaskSamples) -> None:
    """An index means nothing to a reader; labels of mc2 name several choices."""
    (record,) = table.records
    assert record.sample is not None
    assert target_text(record) == "cork"
    labels = replace(record.sample, target=(1, 1))
    mass = replace(record.result, scores=(Score(scorer="mc2", value=0.5),))
    assert target_text(replace(record, sample=labels)) == "cork | cork"
    assert target_text(replace(record, sample=labels, result=mass)) == "stone | cork"
    assert target_text(replace(record, sample=None)) == ""
