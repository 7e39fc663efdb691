"""Records to and from the columns of the store; exact in both directions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from llmlab_pytest.core import (
    Completion,
    ContinuationLogprob,
    Judgement,
    Original,
    Price,
    Sample,
    SampleRecord,
    SampleResult,
    Score,
    Share,
    TaskPlan,
    TokenLogprob,
    ToolCall,
    Usage,
    digest_of,
)

Row = Mapping[str, Any]
_TRANSIENT = ("prefetched", "resumed")
"""Fields of a completion that are true of one run only."""
_KEPT = tuple(f.name for f in fields(Completion) if f.name not in _TRANSIENT)
_NAMES: dict[type[Any], Sequence[str]] = {}
"""Fields by kind of record."""

dump = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Returns JSON in ASCII: safe for NUL and lone surrogates in any database."""


def completion_content(completion: Completion) -> dict[str, Any]:
    """Return a completion as plain JSON, without what is true of one run only."""
    content = {name: _plain(getattr(completion, name)) for name in _KEPT}
    for name in ("tool_calls", "note"):  # most, and older runs, have no such field
        if not content[name]:
            del content[name]
    return content


def _plain(value: Any) -> Any:
    """Return a value and its records as JSON; `asdict` looks three times as long."""
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, TokenLogprob):  # few have alternatives, and older runs none
        told = {"token": value.token, "logprob": value.logprob}
        return told | {"top": _plain(value.top)} if value.top else told
    if is_dataclass(value):
        names = _NAMES.get(type(value)) or _names(type(value))
        return {name: _plain(getattr(value, name)) for name in names}
    return value


def _names(kind: type[Any]) -> Sequence[str]:
    return _NAMES.setdefault(kind, [f.name for f in fields(kind)])


def completion_columns(completion: Completion) -> dict[str, Any]:
    """Return a completion's columns; what SQL asks for also stands on its own."""
    return {
        "content": dump(completion_content(completion)),
        "stop_reason": completion.stop_reason,
        "input_tokens": completion.usage.input_tokens,
        "output_tokens": completion.usage.output_tokens,
        "cost_usd": completion.cost_usd,
        "latency_s": completion.latency_s,
        "ttft_s": completion.ttft_s,
        "attempts": completion.attempts,
    }


def completion_of(row: Row) -> Completion:
    """Rebuild a completion."""
    return completion_from(json.loads(row["content"]))


def completion_from(content: Mapping[str, Any]) -> Completion:
    """Rebuild a completion from the JSON of `completion_content`."""
    content = dict(content)
    content["usage"] = Usage(**content["usage"])
    if content.get("price") is not None:  # older runs have none
        content["price"] = Price(**content["price"])
    content["continuations"] = tuple(
        ContinuationLogprob(**part) for part in content["continuations"]
    )
    content["token_logprobs"] = tuple(
        _token(part) for part in content["token_logprobs"]
    )
    content["tool_calls"] = tuple(
        ToolCall(**call) for call in content.get("tool_calls", ())
    )
    content["original"] = _original(content.get("original"))  # older runs have none
    return Completion(**content)


def _token(content: Mapping[str, Any]) -> TokenLogprob:
    top = tuple(map(_token, content.get("top", ())))  # older runs have none
    return TokenLogprob(content["token"], content["logprob"], top)


def _original(content: Mapping[str, Any] | None) -> Original | None:
    if content is None:
        return None
    return Original(**{**content, "usage": Usage(**content["usage"])})


def sample_columns(sample: Sample, *, task: str) -> dict[str, Any]:
    """Return a sample's columns; its hash tells versions of one id apart."""
    content = dump(_plain(sample))
    return {
        "task": task,
        "sample_hash": digest_of(content),
        "sample_id": sample.id,
        "content": content,
    }


def sample_of(row: Row) -> Sample:
    """Rebuild a sample."""
    content = json.loads(row["content"])
    target = content["target"]
    content["target"] = tuple(target) if isinstance(target, list) else target
    content["choices"] = tuple(content["choices"])
    content["groups"] = tuple(content.get("groups", ()))  # older runs have none
    return Sample(**content)


def plan_columns(plan: TaskPlan) -> dict[str, Any]:
    """Return the columns of a plan."""
    return {
        "task": plan.task,
        "model": plan.model,
        "planned": plan.planned,
        "available": plan.available,
        "epochs": plan.epochs,
        "gates": dump(plan.gates),
        "metrics": dump(plan.metrics),
        "factors": dump(dict(plan.factors)),
    }


def plan_of(row: Row) -> TaskPlan:
    """Rebuild a plan."""
    return TaskPlan(
        task=row["task"],
        model=row["model"],
        planned=row["planned"],
        available=row["available"],
        epochs=row["epochs"],
        gates=tuple(json.loads(row["gates"])),
        metrics=tuple(json.loads(row["metrics"])),
        factors=json.loads(row["factors"]),
    )


def result_columns(result: SampleResult) -> dict[str, Any]:
    """Return the columns of a result, its scores apart."""
    return {
        "task": result.task,
        "model": result.model,
        "sample_id": result.sample_id,
        "epoch": result.epoch,
        "error": None if result.error is None else dump(result.error),
        "usage": dump(_plain(result.usage)),
        "cost_usd": result.cost_usd,
        "latency_s": result.latency_s,
        "ttft_s": result.ttft_s,
        "compute_s": result.compute_s,
        "original": None if result.original is None else dump(_plain(result.original)),
    }


def score_columns(score: Score) -> dict[str, Any]:
    """Return the columns of one score."""
    return {
        "scorer": score.scorer,
        "value": score.value,
        "weight": score.weight,
        "answer": None if score.answer is None else dump(score.answer),
        "explanation": None if score.explanation is None else dump(score.explanation),
        "share": None if score.share is None else dump(_plain(score.share)),
        "judgements": dump(_plain(score.judgements)) if score.judgements else None,
    }


def score_of(row: Row) -> Score:
    """Rebuild a score."""
    return Score(
        scorer=row["scorer"],
        value=row["value"],
        weight=row["weight"],
        answer=None if row["answer"] is None else json.loads(row["answer"]),
        explanation=(
            None if row["explanation"] is None else json.loads(row["explanation"])
        ),
        share=None if row["share"] is None else _share(json.loads(row["share"])),
        judgements=tuple(map(_judgement, json.loads(row["judgements"] or "[]"))),
    )


def _judgement(content: Mapping[str, Any]) -> Judgement:
    return Judgement(**{**content, "usage": Usage(**content["usage"])})


def _share(content: Mapping[str, Any]) -> Share:
    return Share(content["statistic"], tuple(content["addends"]))


def result_of(row: Row, scores: tuple[Score, ...]) -> SampleResult:
    """Rebuild a result from its row and its scores in order."""
    return SampleResult(
        task=row["task"],
        model=row["model"],
        sample_id=row["sample_id"],
        epoch=row["epoch"],
        scores=scores,
        error=None if row["error"] is None else json.loads(row["error"]),
        usage=Usage(**json.loads(row["usage"])),
        cost_usd=row["cost_usd"],
        latency_s=row["latency_s"],
        ttft_s=row["ttft_s"],
        compute_s=row["compute_s"],
        original=_original(row["original"] and json.loads(row["original"])),
    )


def record_of(row: Row, scores: tuple[Score, ...]) -> SampleRecord:
    """Rebuild a record from a joined row: columns of the result, and three texts."""
    asked, request, answered = row["sample"], row["request"], row["completion"]
    return SampleRecord(
        result=result_of(row, scores),
        sample=sample_of({"content": asked}) if asked else None,
        request=json.loads(request) if request else None,
        completion=completion_of({"content": answered}) if answered else None,
    )
