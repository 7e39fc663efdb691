"""The result files of lm-eval 0.4.13, so that its viewers and scripts read our runs.

A folder per model with `results_DATE.json` and `samples_TASK_DATE.jsonl`, fields and
hashes as its `EvaluationTracker` writes them. Left out: behaviour tests, which have no
rows, and samples that ended in an error, which lm-eval has no word for. What lm-eval
computes from its own task files (`process_docs`) is not in our rows, so the `doc_hash`
of HellaSwag differs; `tests/golden/compare_files.py` lists what is equal.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from llmlab_pytest.core import Report, SampleRecord, TaskRow, redact, redactor
from llmlab_pytest.reporting._harness_results import metric_of, results_of
from llmlab_pytest.reporting._samples import (
    MASS_SCORER,
    TaskSamples,
    asked_of,
    is_whole_text,
    redacted,
)

_UNSAFE_NAME = re.compile(r"[\"<>:/|\\?*\[\]\s]+")


class NamedText(NamedTuple):
    """A file below the folder that the user names."""

    name: str
    """Path with `/`, such as `smollm2/samples_piqa_2026-11-24T18-05-01.jsonl`."""
    parts: Iterable[str]
    """Its text; to be written before the next file is asked for."""


def render_harness(
    report: Report, tables: Iterable[TaskSamples]
) -> Iterator[NamedText]:
    """Yield the files of each model: samples by task, then the results.

    Args:
        report: of the run; its start is the date in the names.
        tables: in any order.
    """
    date = _date(report)
    ordered = sorted(tables, key=lambda t: (t.row.plan.model, t.row.plan.task))
    for model, group in groupby(ordered, key=lambda table: table.row.plan.model):
        folder = safe_name(model)
        hashes: dict[str, str] = {}
        rows: list[TaskRow] = []
        for table in group:
            if "definition" not in table.row.plan.factors:
                continue
            task, rows = table.row.plan.task, [*rows, table.row]
            digest = hashlib.sha256()
            name = f"{folder}/samples_{safe_name(task)}_{date}.jsonl"
            yield NamedText(name, _lines(table, digest))
            hashes[task] = digest.hexdigest()
        if rows:
            content = redacted(results_of(report, rows, hashes), redactor())
            text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
            yield NamedText(f"{folder}/results_{date}.json", [text])


def _lines(table: TaskSamples, digest: Any) -> Iterator[str]:
    """Yield a line per sample and filter, filter by filter as lm-eval does.

    Args:
        table: the samples.
        digest: is fed the hashes of every line, for the task's hash.
    """
    plan, hide = table.row.plan, redactor()
    names = [metric_of(plan, metric.name) for metric in table.row.metrics]
    for which in dict.fromkeys(name.filter for name in names):
        for record in table.records:
            if record.result.error is None and record.completion is not None:
                line = _line(record, table.row, which)
                digest.update(
                    (
                        line["doc_hash"] + line["prompt_hash"] + line["target_hash"]
                    ).encode()
                )
                yield json.dumps(redacted(line, hide), ensure_ascii=False) + "\n"


def _line(record: SampleRecord, row: TaskRow, which: str) -> dict[str, Any]:
    """Return one sample in the field order of lm-eval."""
    sample = record.sample
    scores = {
        name.metric: score
        for score in record.result.scores
        if (name := metric_of(row.plan, score.scorer)).filter == which
    }
    arguments = _arguments(record)
    responses = _responses(record)
    answers = [score.answer for score in scores.values()]
    chosen = [r[0] for r in responses] if asked_of(record.request).continuations else []
    content = dict(sample.metadata) if sample else {}
    target = _target(record)
    return {
        "doc_id": sample.position if sample else None,
        "doc": content,
        "target": target,
        "arguments": {f"gen_args_{n}": part for n, part in enumerate(arguments)},
        "resps": responses,
        "filtered_resps": chosen or [str(answer) for answer in answers[:1]],
        "filter": which,
        "metrics": list(scores),
        "doc_hash": _hash(json.dumps(content, indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(arguments[0]["arg_0"] if arguments else ""),
        "target_hash": _hash(target),
        **{metric: score.value for metric, score in scores.items()},
    }


def _arguments(record: SampleRecord) -> list[dict[str, Any]]:
    """Return context and continuation, or prompt and decoding, of every request."""
    asked = asked_of(record.request)
    if is_whole_text(record.request):
        return [{"arg_0": asked.continuations[0]["text"]}]
    if asked.continuations:
        return [
            {"arg_0": part.get("context", asked.prompt), "arg_1": part["text"]}
            for part in asked.continuations
        ]
    config = asked.config or {}
    decoding = {
        "until": config.get("stop", []),
        "do_sample": bool(config.get("temperature")),
        "temperature": config.get("temperature"),
        "max_gen_toks": config.get("max_tokens"),
    }
    prompt = asked.prompt
    text = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False)
    return [{"arg_0": text, "arg_1": decoding}]


def _responses(record: SampleRecord) -> list[list[Any]]:
    """Return log-likelihood and greediness of every continuation, or the text."""
    completion = record.completion
    if completion is None:
        return []
    if not completion.continuations:
        return [[completion.text]]
    if is_whole_text(record.request):
        return [[str(part.loglikelihood)] for part in completion.continuations]
    return [
        [[str(part.loglikelihood), str(part.is_greedy)]]
        for part in completion.continuations
    ]


def _target(record: SampleRecord) -> str:
    """Return what lm-eval calls the target of the same sample."""
    sample, asked = record.sample, asked_of(record.request)
    if any(score.scorer == MASS_SCORER for score in record.result.scores):
        return "0"  # its task files give this place holder
    ends = {str(part["text"]) for part in asked.continuations}
    if asked.prompt is None and len(asked.continuations) > 1 and len(ends) == 1:
        return ends.pop().lstrip()  # several contexts, one end
    target = sample.target if sample else None
    return str(list(target) if isinstance(target, tuple) else target)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _date(report: Report) -> str:
    """Return the start of the run as lm-eval writes dates, without a colon."""
    started = report.started_at or "1970-01-01T00:00:00"
    return (
        datetime.fromisoformat(started)
        .replace(tzinfo=None)
        .isoformat()
        .replace(":", "-")
    )


def safe_name(name: str) -> str:
    """Return a name that is one part of a path on every system."""
    return _UNSAFE_NAME.sub("__", redact(name)).lstrip(".") or "_"
