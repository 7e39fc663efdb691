"""Every sample as a row of a Parquet file, for data frames.

The same fields as the JSON lines of `_jsonl`: plain ones as columns, scores as a list
of structures, other nested ones as JSON texts. The primary score has its own column.
Rows are written in groups as they are read, so that no run has to fit in the memory.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from llmlab_pytest.core import Report, load, redactor
from llmlab_pytest.reporting._jsonl import fields_of
from llmlab_pytest.reporting._samples import TaskSamples, redacted

_ROWS = 1000
"""In a group: a few MB of texts."""
_TEXTS = ("run_id", "task", "model", "sample_id", "stratum", "outcome", "error")
_COUNTS = ("epoch", "position", "attempts")
_TOKENS = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
)
_FIGURES = ("cost_usd", "latency_s", "ttft_s", "compute_s")
_JSON = (
    "prompt",
    "config",
    "continuations",
    "tool_calls",
    "token_logprobs",
    "target",
    "choices",
    "original",
    "row",
)
_SCORE = ("scorer", "answer", "explanation")


def write_parquet(path: Path, report: Report, tables: Iterable[TaskSamples]) -> None:
    """Write all samples of a run to a file.

    Raises:
        MissingDependency: pyarrow is not installed.
        OSError: the file cannot be written.
    """
    arrow: Any = load("pyarrow", extra="benchmarks", needed_by="--llmlab-parquet")
    parquet: Any = load("pyarrow.parquet")
    schema = _schema(arrow)
    hide = redactor()
    rows = (
        _row(redacted(fields_of(record, run_id=report.run_id), hide))
        for table in tables
        for record in table.records
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with parquet.ParquetWriter(str(path), schema, compression="zstd") as writer:
        while group := list(islice(rows, _ROWS)):
            writer.write_table(arrow.Table.from_pylist(group, schema=schema))


def _schema(arrow: Any) -> Any:
    text, whole, figure = arrow.string(), arrow.int64(), arrow.float64()
    score = arrow.struct([(name, text) for name in _SCORE] + [("value", figure)])
    return arrow.schema(
        [
            *((name, text) for name in _TEXTS),
            *((name, whole) for name in _COUNTS),
            ("scorer", text),
            ("score", figure),
            ("input", text),
            ("completion", text),
            ("stop_reason", text),
            ("scores", arrow.list_(score)),
            *((name, whole) for name in _TOKENS),
            *((name, figure) for name in _FIGURES),
            *((name, text) for name in _JSON),
        ]
    )


def _row(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a sample by column; a lone surrogate becomes its escape."""
    scores = fields["scores"]
    primary = scores[0] if scores else {"scorer": None, "value": None}
    row = {
        **fields,
        "scorer": primary["scorer"],
        "score": primary["value"],
        "scores": [
            {name: _encodable(each[name]) for name in (*_SCORE, "value")}
            for each in scores
        ],
    }
    for name in _JSON:
        row[name] = None if row[name] is None else json.dumps(row[name])
    return {name: _encodable(value) for name, value in row.items()}


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    return value
