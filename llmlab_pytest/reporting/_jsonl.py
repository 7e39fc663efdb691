"""Everything that is kept of each sample, one JSON object a line, for programs.

The field names are documented in docs/results.md and stay. Lines are ASCII: no line
separator of Unicode splits one, and NUL or a lone surrogate survives as its escape.
Text is whole; only secrets are replaced.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from llmlab_pytest.core import Completion, Report, SampleRecord, Score, redactor
from llmlab_pytest.reporting._samples import TaskSamples, asked_of, redacted


def render_jsonl(report: Report, tables: Iterable[TaskSamples]) -> Iterator[str]:
    """Yield one line per (task, model, sample, epoch)."""
    hide = redactor()
    for table in tables:
        for record in table.records:
            content = redacted(fields_of(record, run_id=report.run_id), hide)
            yield json.dumps(content, allow_nan=False) + "\n"


def fields_of(record: SampleRecord, *, run_id: str) -> dict[str, Any]:
    """Return the fields of a line in their order."""
    result, sample = record.result, record.sample
    return {
        "run_id": run_id,
        "task": result.task,
        "model": result.model,
        "sample_id": result.sample_id,
        "epoch": result.epoch,
        "position": sample.position if sample else None,
        "stratum": record.stratum,
        "outcome": result.outcome,
        "error": result.error,
        **_exchange(record),
        "target": sample.target if sample else None,
        "choices": list(sample.choices) if sample else [],
        "scores": [_score(score) for score in result.scores],
        **asdict(result.usage),
        "cost_usd": result.cost_usd,
        "latency_s": result.latency_s,
        "compute_s": result.compute_s,
        "original": result.original and asdict(result.original),
        "input": sample.input if sample else None,
        "row": dict(sample.metadata) if sample else None,
    }


def _score(score: Score) -> dict[str, Any]:
    """Return a score; most asked no judge."""
    content = asdict(score)
    if not content["judgements"]:
        del content["judgements"]
    return content


def _exchange(record: SampleRecord) -> dict[str, Any]:
    """Return what was asked and answered."""
    asked, completion = asked_of(record.request), record.completion
    return {
        "prompt": asked.prompt,
        "config": asked.config,
        "continuations": _scored(asked.continuations, completion),
        "completion": completion.text
        if completion and not asked.continuations
        else None,
        "tool_calls": (
            [asdict(call) for call in completion.tool_calls] if completion else []
        ),
        "stop_reason": completion.stop_reason if completion else None,
        "ttft_s": completion.ttft_s if completion else None,
        "attempts": completion.attempts if completion else None,
        "token_logprobs": (
            [asdict(token) for token in completion.token_logprobs] if completion else []
        ),
    }


def _scored(
    continuations: list[dict[str, Any]], completion: Completion | None
) -> list[dict[str, Any]]:
    if completion is None:
        return continuations
    return [
        {**asked, **asdict(answered)}
        for asked, answered in zip(continuations, completion.continuations, strict=True)
    ]
