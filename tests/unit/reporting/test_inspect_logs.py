"""Logs of inspect_ai; `tests/golden/compare_inspect.py` has inspect_ai read them."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    Report,
    SampleResult,
    Score,
    ToolCall,
    Usage,
)
from llmlab_pytest.reporting import TaskSamples, render_inspect

LIKELIHOODS = [(-1.0, True), (-2.0, False), (-3.0, False), (-4.0, False)]
ROW = {"question": "Which?", "choices": {"text": [*"abcd"], "label": [*"ABCD"]}}


@pytest.fixture
def asked(card: Callable[..., Any], judged: Callable[..., Any]) -> TaskSamples:
    """One sample of GSM8K, answered."""
    rows = [{"question": "3 + 4?", "answer": "It is 7. #### 7"}]
    table: TaskSamples = judged(card("gsm8k", rows), ["#### 7"])
    return table


def log_of(report: Report, table: TaskSamples) -> dict[str, Any]:
    """Return the log of a table."""
    ((name, parts),) = render_inspect(report, [table])
    assert name.endswith(".json")
    content: dict[str, Any] = json.loads("".join(parts))
    return content


def with_record(table: TaskSamples, **changes: Any) -> TaskSamples:
    """Return a table whose one record differs."""
    (record,) = table.records
    return replace(table, records=[replace(record, **changes)])


def test_log_has_what_the_run_has(
    report: Callable[..., Report], asked: TaskSamples
) -> None:
    """Figures, decoding and samples; the model has an interface in its name."""
    log = log_of(report(asked), asked)
    assert (log["version"], log["status"]) == (2, "success")
    assert log["eval"]["model"] == "llmlab/m"
    assert log["eval"]["model_generate_config"]["stop_seqs"]
    scores = {each["name"]: each for each in log["results"]["scores"]}
    for metric in asked.row.metrics:
        assert scores[metric.name]["metrics"]["mean"]["value"] == metric.value
    (sample,) = log["samples"]
    assert sample["input"] == sample["messages"][0]["content"]
    assert sample["output"]["completion"] == "#### 7"
    assert sample["messages"][-1]["role"] == "assistant"
    assert sample["output"]["usage"]["input_tokens"] == 7
    assert sample["output"]["usage"]["total_cost"] == 0.25
    assert sample["metadata"]["question"] == "3 + 4?"


def test_error_is_an_error_and_a_score_without_value_is_none(
    report: Callable[..., Report], asked: TaskSamples
) -> None:
    """Neither is a zero."""
    result = SampleResult(task="gsm8k", model="m", sample_id="0000", error="Down: x")
    table = with_record(asked, result=result, completion=None, request=None)
    (sample,) = log_of(report(table), table)["samples"]
    assert sample["error"]["message"] == "Down: x"
    assert sample["scores"] == {}
    assert "output" not in sample
    open_score = Score(scorer="judge", value=None, explanation="no verdict")
    result = replace(result, error=None, scores=(open_score,))
    table = with_record(asked, result=result)
    (sample,) = log_of(report(table), table)["samples"]
    assert math.isnan(sample["scores"]["judge"]["value"])
    assert sample["scores"]["judge"]["explanation"] == "no verdict"


def test_likelihoods_stand_in_the_metadata(
    report: Callable[..., Report],
    card: Callable[..., Any],
    judged: Callable[..., Any],
) -> None:
    """Where choices are compared, a model writes nothing."""
    task = card("arc_easy", [{**ROW, "id": "x", "answerKey": "A"}])
    table = judged(task, [LIKELIHOODS])
    (sample,) = log_of(report(table), table)["samples"]
    found = [each["loglikelihood"] for each in sample["metadata"]["continuations"]]
    assert found == [value for value, _ in LIKELIHOODS]
    assert sample["choices"] == [*"abcd"]
    assert "output" not in sample


def test_calls_and_cached_tokens_are_told_as_inspect_tells_them(
    report: Callable[..., Report], asked: TaskSamples
) -> None:
    """Cached tokens are no part of the input there; unreadable arguments an error."""
    calls = (ToolCall("1", "f", {"a": 1}), ToolCall("2", "g", "{"))
    completion = Completion(
        text="",
        model="m",
        tool_calls=calls,
        stop_reason="length",
        usage=Usage(input_tokens=10, output_tokens=3, cached_input_tokens=4),
    )
    table = with_record(asked, completion=completion)
    (sample,) = log_of(report(table), table)["samples"]
    (choice,) = sample["output"]["choices"]
    assert choice["stop_reason"] == "max_tokens"
    first, second = choice["message"]["tool_calls"]
    assert (first["function"], first["arguments"]) == ("f", {"a": 1})
    assert second["parse_error"] == "{"
    usage = sample["output"]["usage"]
    assert (usage["input_tokens"], usage["input_tokens_cache_read"]) == (6, 4)
    assert usage["total_tokens"] == 13


def test_run_that_did_not_finish_is_cancelled(
    report: Callable[..., Report], asked: TaskSamples
) -> None:
    """Its figures are of a part of the samples."""
    plan = replace(asked.row.plan, planned=5)
    table = replace(asked, row=replace(asked.row, plan=plan))
    assert log_of(report(table), table)["status"] == "cancelled"


def test_secret_is_replaced(
    report: Callable[..., Report],
    asked: TaskSamples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in every file that is kept."""
    monkeypatch.setenv("OWN_API_KEY", "hush-hush-hush-1")
    (record,) = asked.records
    assert record.completion is not None
    completion = replace(record.completion, text="it is hush-hush-hush-1")
    table = with_record(asked, completion=completion)
    assert "hush-hush-hush-1" not in json.dumps(log_of(report(table), table))
