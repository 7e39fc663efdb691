"""Samples read back from JSON lines: what was written is what is compared."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import DataError, Report
from llmlab_pytest.reporting import TaskSamples, read_jsonl, render_jsonl

ROWS = [
    {
        "question": "a?",
        "choices": {"text": ["x", "y"], "label": ["A", "B"]},
        "answerKey": "A",
    },
    {
        "question": "b?",
        "choices": {"text": ["x", "y"], "label": ["A", "B"]},
        "answerKey": "B",
    },
]


def test_what_is_written_is_read(
    card: Callable[..., Any],
    judged: Callable[..., TaskSamples],
    report: Callable[..., Report],
    tmp_path: Path,
) -> None:
    """Scores, tokens, cost and latency of every sample, and its row."""
    answers = [[(-2.0, False), (-1.0, True)], [(-1.0, True), (-2.5, False)]]
    table = judged(card("arc_easy", ROWS), answers)
    path = tmp_path / "run.jsonl"
    path.write_text("".join(render_jsonl(report(table), [table])), "utf-8")
    read = list(read_jsonl(path))
    records = list(table.records)
    assert [each.row for each in read] == ROWS
    for each, record in zip(read, records, strict=True):
        was = record.result
        for name in ("task", "model", "sample_id", "usage", "cost_usd", "latency_s"):
            assert getattr(each.result, name) == getattr(was, name)
        found = [(s.scorer, s.value, s.weight) for s in each.result.scores]
        assert found == [(s.scorer, s.value, s.weight) for s in was.scores]


def test_few_fields_are_enough(tmp_path: Path) -> None:
    """Others may be dropped; an error and a share of a corpus are kept."""
    share = {"statistic": "f1", "addends": [1, 0, 0, 0]}
    lines: list[dict[str, Any]] = [
        {"task": "t", "model": "m", "sample_id": "a", "scores": []},
        {
            "task": "t",
            "model": "m",
            "sample_id": "b",
            "error": "Timeout",
            "scores": [{"scorer": "f1", "value": None, "share": share}],
        },
    ]
    path = tmp_path / "few.jsonl"
    path.write_text("\n\n".join(map(json.dumps, lines)), "utf-8")
    first, second = read_jsonl(path)
    assert (first.result.scores, first.row, first.result.epoch) == ((), None, 1)
    assert second.result.error == "Timeout"
    assert second.result.scores[0].share is not None
    assert second.result.scores[0].share.addends == (1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "7",
        '{"task": "t"}',
        '{"task": "t", "model": "m", "sample_id": "a", "scores": [{"scorer": "x"}]}',
    ],
)
def test_line_that_is_no_result_is_named(tmp_path: Path, line: str) -> None:
    """With file, number, and what a line must hold."""
    path = tmp_path / "bad.jsonl"
    path.write_text(
        '{"task": "t", "model": "m", "sample_id": "a", "scores": []}\n' + line, "utf-8"
    )
    with pytest.raises(DataError, match=r"bad\.jsonl:2.*task, model, sample_id"):
        list(read_jsonl(path))
    with pytest.raises(DataError, match="cannot be read"):
        list(read_jsonl(tmp_path))
