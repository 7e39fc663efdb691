"""Logs of inspect_ai 0.3, so that its viewer and scripts read our runs.

One file in its JSON form for each task and model, named as it names them; `inspect view
--log-dir DIR` shows a folder of them. Figures are ours: a score that inspect_ai would
compute from ours anew, such as its standard error by bootstrap, may differ in method.
Left out: behaviour tests, which have no samples, and events, of which we keep none.
Where choices are compared, nothing is written: the likelihoods stand in the metadata.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmlab_pytest.core import (
    Completion,
    Message,
    Metric,
    Report,
    SampleRecord,
    Score,
    Usage,
    digest_of,
    redactor,
)
from llmlab_pytest.reporting._harness import NamedText, safe_name
from llmlab_pytest.reporting._harness_results import definition_of
from llmlab_pytest.reporting._samples import (
    TaskSamples,
    asked_of,
    redacted,
    turn_text,
)

_VERSION = 2
"""Of the log's schema."""
_STOP_REASONS = {"length": "max_tokens"}
_ID_LENGTH = 22
_EPOCH = "1970-01-01T00:00:00+00:00"
_NO_ERROR: Mapping[str, str] = {"traceback": "", "traceback_ansi": ""}


def render_inspect(
    report: Report, tables: Iterable[TaskSamples]
) -> Iterator[NamedText]:
    """Yield a log for each task and model.

    Args:
        report: of the run; its start is the date in the names.
        tables: in any order.
    """
    for table in tables:
        if "definition" not in table.row.plan.factors:
            continue
        plan = table.row.plan
        key = _id(report.run_id, plan.task, plan.model)
        date = (report.started_at or _EPOCH)[:19].replace(":", "-")
        name = f"{date}-00-00_{safe_name(plan.task)}_{key}.json"
        yield NamedText(name, _parts(report, table, key))


def _parts(report: Report, table: TaskSamples, key: str) -> Iterator[str]:
    """Yield the header, then every sample, as one JSON object."""
    hide = redactor()
    head = json.dumps(redacted(_header(report, table, key), hide))
    yield f'{head[:-1]}, "samples": ['
    separator = "\n"
    for record in table.records:
        content = redacted(_sample(record, key), hide)
        # NaN is what inspect_ai itself writes for a score without a value.
        yield separator + json.dumps(content)
        separator = ",\n"
    yield "\n]}\n"


def _header(report: Report, table: TaskSamples, key: str) -> dict[str, Any]:
    row, plan = table.row, table.row.plan
    started = report.started_at or _EPOCH
    is_whole = row.samples >= plan.planned
    return {
        "version": _VERSION,
        "status": "success" if is_whole else "cancelled",
        "eval": {
            "eval_id": key,
            "run_id": report.run_id,
            "created": started,
            "task": plan.task,
            "task_id": key,
            "task_version": plan.factors.get("task_version") or 0,
            "task_display_name": plan.task,
            "dataset": {
                "name": plan.factors.get("data_source") or plan.task,
                "samples": plan.available // max(plan.epochs, 1),
            },
            "model": _model(plan.model),
            "model_generate_config": _decoding(definition_of(plan)),
            "config": {"epochs": plan.epochs, "fail_on_error": False},
            "metadata": {"llmlab": dict(plan.factors)},
        },
        "plan": {"name": "plan", "steps": [{"solver": "generate"}]},
        "results": {
            "total_samples": plan.planned,
            "completed_samples": row.samples - row.errors,
            "scores": [_results(each, row.samples) for each in row.metrics],
        },
        "stats": {
            "started_at": started,
            "completed_at": report.finished_at or "",
            "model_usage": {_model(plan.model): _usage(row.usage, row.cost_usd)},
        },
    }


def _results(metric: Metric, samples: int) -> dict[str, Any]:
    figures = {"mean": metric.value, "stderr": metric.stderr}
    told = {} if metric.interval is None else {"interval": _interval(metric)}
    return {
        "name": metric.name,
        "scorer": metric.name,
        "scored_samples": metric.n,
        "unscored_samples": max(0, samples - metric.n),
        "metrics": {
            name: {"name": name, "value": value}
            for name, value in figures.items()
            if value is not None
        },
        "metadata": told,
    }


def _interval(metric: Metric) -> dict[str, Any]:
    found = metric.interval
    if found is None:
        return {}
    return {
        "low": found.low,
        "high": found.high,
        "confidence": found.confidence,
        "method": found.method,
    }


def _sample(record: SampleRecord, key: str) -> dict[str, Any]:
    """Return one sample of one epoch."""
    result, sample, completion = record.result, record.sample, record.completion
    asked = asked_of(record.request)
    turns = _turns(asked.prompt)
    model = _model(result.model)
    answered = completion if completion and not asked.continuations else None
    output = {} if answered is None else {"output": _output(answered, model)}
    scores = {score.scorer: _score(score) for score in result.scores}
    told: dict[str, Any] = dict(sample.metadata) if sample else {}
    if asked.continuations:
        told["continuations"] = _likelihoods(asked.continuations, completion)
    content: dict[str, Any] = {
        "id": result.sample_id,
        "epoch": result.epoch,
        "input": _input(asked.prompt, sample.input if sample else ""),
        "choices": list(sample.choices) if sample and sample.choices else None,
        "target": _target(record),
        "messages": [*turns, *([_answer(answered)] if answered else [])],
        **output,
        "scores": scores,
        "metadata": told,
        "model_usage": {model: _usage(result.usage, result.cost_usd)},
        "total_time": result.latency_s,
        "uuid": _id(key, result.sample_id, str(result.epoch)),
    }
    if result.error is not None:
        content["error"] = {"message": result.error, **_NO_ERROR}
    return {name: value for name, value in content.items() if value is not None}


def _input(prompt: str | list[dict[str, Any]] | None, given: str) -> Any:
    """Return what was asked: a text, or turns; where contexts differ, the row's own."""
    if prompt is None:
        return given
    return prompt if isinstance(prompt, str) else _turns(prompt)


def _turns(prompt: str | list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    if prompt is None:
        return []
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt, "source": "input"}]
    return [_turn(turn) for turn in prompt]


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored turn; images and calls stand in it by what they are."""
    told = {"role": turn["role"], "content": turn_text(turn), "source": "input"}
    if turn["role"] == "tool":
        told["tool_call_id"] = turn.get("tool_call_id")
    return told


def _output(completion: Completion, model: str) -> dict[str, Any]:
    reason = completion.stop_reason
    return {
        "model": model,
        "choices": [
            {
                "message": {**_answer(completion), "model": model},
                "stop_reason": _STOP_REASONS.get(reason, reason),
            }
        ],
        "completion": completion.text,
        "usage": _usage(completion.usage, completion.cost_usd),
        "time": completion.latency_s,
    }


def _answer(completion: Completion) -> dict[str, Any]:
    turn: Message = completion.message
    told: dict[str, Any] = {
        "role": "assistant",
        "content": completion.text,
        "source": "generate",
    }
    if turn.tool_calls:
        told["tool_calls"] = [
            {"id": call.id, "function": call.name, **_arguments(call.arguments)}
            for call in turn.tool_calls
        ]
    return told


def _arguments(given: Mapping[str, Any] | str) -> dict[str, Any]:
    if isinstance(given, str):
        return {"arguments": {}, "parse_error": given}
    return {"arguments": dict(given)}


def _score(score: Score) -> dict[str, Any]:
    """Return a score; one without a value is NaN there, and no part of means."""
    told: dict[str, Any] = {} if score.weight == 1 else {"weight": score.weight}
    return {
        "value": math.nan if score.value is None else score.value,
        "answer": score.answer,
        "explanation": score.explanation,
        "metadata": told,
    }


def _target(record: SampleRecord) -> str | list[str]:
    target = record.sample.target if record.sample else None
    if isinstance(target, tuple):
        return [str(each) for each in target]
    return "" if target is None else str(target)


def _likelihoods(
    asked: list[dict[str, Any]], completion: Completion | None
) -> list[dict[str, Any]]:
    found = completion.continuations if completion else ()
    return [
        {"text": part["text"], "loglikelihood": one.loglikelihood, "tokens": one.tokens}
        for part, one in zip(asked, found, strict=False)
    ]


def _usage(usage: Usage, cost_usd: float | None) -> dict[str, Any]:
    """Return counts of tokens; there, cached ones are no part of those of the input."""
    told: dict[str, Any] = {
        "input_tokens": usage.input_tokens - usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_input_tokens:
        told["input_tokens_cache_read"] = usage.cached_input_tokens
    if usage.reasoning_tokens:
        told["reasoning_tokens"] = usage.reasoning_tokens
    return told if cost_usd is None else {**told, "total_cost": cost_usd}


def _decoding(definition: Mapping[str, Any]) -> dict[str, Any]:
    given = {
        "max_tokens": definition.get("max_tokens"),
        "temperature": definition.get("temperature"),
        "stop_seqs": list(definition.get("stop") or ()) or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _model(alias: str) -> str:
    """Return a model as inspect_ai names them, with an interface before it."""
    return alias if "/" in alias else f"llmlab/{alias}"


def _id(*parts: str) -> str:
    """Return an id that is the same each time the file is written."""
    return digest_of(list(parts))[:_ID_LENGTH]
