"""Results read back from the lines that `--llmlab-samples` wrote.

Only what a comparison needs: `task`, `model`, `sample_id` and `scores` must be there;
`epoch`, `error`, `row`, cost, latency and tokens are read where they are. Other fields
may have been dropped, to keep a small file in a repository.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from llmlab_pytest.core import DataError, Json, SampleResult, Score, Share, Usage

_USAGE = tuple(field.name for field in fields(Usage))
_FIX = "Write it again with --llmlab-samples."


class ReadResult(NamedTuple):
    """A line of the file."""

    result: SampleResult
    row: Mapping[str, Json] | None
    """The row as the dataset had it; `None` where the line does not say."""


def read_jsonl(path: Path) -> Iterator[ReadResult]:
    """Yield the results of a file.

    Raises:
        DataError: the file cannot be read, or a line is no result; names the line.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _read(line, f"{path}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The results {str(path)!r} cannot be read: {error}."
        raise DataError(msg, fix=_FIX) from error


def _read(line: str, where: str) -> ReadResult:
    try:
        content: Any = json.loads(line)
        row = content.get("row")
        return ReadResult(_result(content), row if isinstance(row, dict) else None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"The line {where} is no result: {type(error).__name__}: {error}.",
            allowed="A line is JSON with task, model, sample_id and scores.",
            fix=_FIX,
        ) from error


def _result(content: Mapping[str, Any]) -> SampleResult:
    counts = {name: int(content.get(name) or 0) for name in _USAGE}
    return SampleResult(
        task=str(content["task"]),
        model=str(content["model"]),
        sample_id=str(content["sample_id"]),
        epoch=int(content.get("epoch", 1)),
        scores=tuple(map(_score, content["scores"])),
        error=content.get("error"),
        usage=Usage(**counts),
        cost_usd=_number(content.get("cost_usd")),
        latency_s=_number(content.get("latency_s")),
        ttft_s=_number(content.get("ttft_s")),
    )


def _score(content: Mapping[str, Any]) -> Score:
    share = content.get("share")
    return Score(
        scorer=str(content["scorer"]),
        value=_number(content["value"]),
        weight=float(content.get("weight", 1.0)),
        share=share and Share(share["statistic"], tuple(map(float, share["addends"]))),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
