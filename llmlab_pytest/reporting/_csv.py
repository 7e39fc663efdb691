"""One line per sample for spreadsheets: the primary score, and all scores as JSON.

Columns are documented in docs/results.md and stay. Cells are safe to open: text that a
spreadsheet would take for a formula begins with an apostrophe (OWASP, "CSV Injection"),
control characters are escaped, and secrets replaced. Excel refuses cells above 32,767
characters, so longer text is cut; the JSON lines have it whole.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from llmlab_pytest.core import Report, SampleRecord, escape_control, redactor
from llmlab_pytest.reporting._samples import (
    Hide,
    TaskSamples,
    answer_text,
    asked_of,
    prompt_text,
    target_text,
)

COLUMNS = (
    "run_id",
    "task",
    "model",
    "sample_id",
    "epoch",
    "stratum",
    "outcome",
    "scorer",
    "score",
    "scores",
    "prediction",
    "target",
    "explanation",
    "error",
    "prompt",
    "completion",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "latency_s",
)
_MOST = 32_000
_CUT = " [cut]"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def render_csv(report: Report, tables: Iterable[TaskSamples]) -> Iterator[str]:
    """Yield the heading and one line per (task, model, sample, epoch), RFC 4180."""
    hide = redactor()
    yield _line(COLUMNS)
    for table in tables:
        for record in table.records:
            values = {"run_id": report.run_id, **values_of(record)}
            yield _line([_cell(values[column], hide) for column in COLUMNS])


def _line(cells: Iterable[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def values_of(record: SampleRecord) -> dict[str, Any]:
    """Return the columns of a sample but for the run's, texts whole."""
    result = record.result
    primary = result.scores[0] if result.scores else None
    return {
        "task": result.task,
        "model": result.model,
        "sample_id": result.sample_id,
        "epoch": result.epoch,
        "stratum": record.stratum,
        "outcome": result.outcome,
        "scorer": primary and primary.scorer,
        "score": primary and primary.value,
        "scores": json.dumps({score.scorer: score.value for score in result.scores}),
        "prediction": primary and primary.answer,
        "target": target_text(record),
        "explanation": primary and primary.explanation,
        "error": result.error,
        "prompt": _prompt(record),
        "completion": record.completion and answer_text(record.completion),
        "input_tokens": result.usage.input_tokens,
        "output_tokens": result.usage.output_tokens,
        "cost_usd": result.cost_usd,
        "latency_s": result.latency_s,
    }


def _prompt(record: SampleRecord) -> str:
    asked = asked_of(record.request)
    if asked.prompt is None:
        parts = asked.continuations
        return "\n".join(prompt_text(part["context"]) for part in parts)
    return prompt_text(asked.prompt)


def _cell(value: str | float | None, hide: Hide) -> str | float | None:
    if not isinstance(value, str):
        return value
    text = escape_control(hide(value))
    if text.startswith(_FORMULA):
        text = f"'{text}"
    return text if len(text) <= _MOST else text[:_MOST] + _CUT
