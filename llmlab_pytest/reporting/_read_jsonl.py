"""Results read back from the lines that `--llmlab-samples` wrote.

Only what a comparison needs: `task`, `model`, `sample_id` and `scores` must be there;
`epoch`, `error`, `row`, cost, latency and tokens are read where they are. Other fields
may have been dropped, to keep a small file in a repository.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from llmlab_pytest.core import (
    DataError,
    Json,
    SampleRecord,
    SampleResult,
    Score,
    Share,
    Usage,
)
from llmlab_pytest.reporting._samples import (
    SEVERAL,
    answer_text,
    asked_of,
    call_text,
    prompt_text,
    target_text,
)

_USAGE = tuple(field.name for field in fields(Usage))
_FIX = "Write it again with --llmlab-samples."


class ReadResult(NamedTuple):
    """A line of the file."""

    result: SampleResult
    row: Mapping[str, Json] | None
    """The row as the dataset had it; `None` where the line does not say."""


class Told(NamedTuple):
    """What was asked and answered; `None` where it was not kept."""

    sample_id: str
    epoch: int
    prompt: str | None
    target: str | None
    answer: str | None


def read_jsonl(path: Path) -> Iterator[ReadResult]:
    """Yield the results of a file.

    Raises:
        DataError: the file cannot be read, or a line is no result; names the line.
    """
    for content, where in _lines(path):
        with _explained(where):
            row = content.get("row")
            read = ReadResult(_result(content), row if isinstance(row, dict) else None)
        yield read


def read_told(
    path: Path, *, task: str, model: str, sample_ids: Collection[str] | None = None
) -> Iterator[Told]:
    """Yield what was asked and answered of some samples, as far as the lines say it.

    Args:
        path: the file.
        task: whose samples.
        model: that answered.
        sample_ids: of which samples; by default of all.

    Raises:
        DataError: as `read_jsonl`.
    """
    for content, where in _lines(path):
        with _explained(where):
            chosen = content["task"] == task and content["model"] == model
            told = _told(content) if chosen else None
        if told is not None and (sample_ids is None or told.sample_id in sample_ids):
            yield told


def told_of(record: SampleRecord) -> Told:
    """Return what was asked and answered of a sample as people read it."""
    prompt, completion = asked_of(record.request).prompt, record.completion
    return Told(
        sample_id=record.result.sample_id,
        epoch=record.result.epoch,
        prompt=None if prompt is None else prompt_text(prompt),
        target=target_text(record) or None,
        answer=None if completion is None else answer_text(completion),
    )


def _told(content: Mapping[str, Any]) -> Told:
    prompt, target = content.get("prompt"), content.get("target")
    answer = content.get("completion")
    if calls := content.get("tool_calls"):
        told = [call_text(call["name"], call["arguments"]) for call in calls]
        answer = "\n".join([answer, *told] if answer else told)
    return Told(
        sample_id=str(content["sample_id"]),
        epoch=int(content.get("epoch", 1)),
        prompt=None if prompt is None else prompt_text(prompt),
        target=None if target is None else SEVERAL.join(_texts(target)),
        answer=answer,
    )


def _texts(target: Any) -> list[str]:
    return list(map(str, target if isinstance(target, list) else [target]))


def _lines(path: Path) -> Iterator[tuple[Any, str]]:
    """Yield the JSON of each line and its place."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    where = f"{path}:{number}"
                    with _explained(where):
                        content = json.loads(line)
                    yield content, where
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The results {str(path)!r} cannot be read: {error}."
        raise DataError(msg, fix=_FIX) from error


@contextmanager
def _explained(where: str) -> Iterator[None]:
    try:
        yield
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
