"""The aggregated part of lm-eval's result file: metrics by task, and how it was run."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from llmlab_pytest.core import Metric, Report, TaskPlan, TaskRow
from llmlab_pytest.reporting._direction import LOWER_IS_BETTER
from llmlab_pytest.reporting._harness_groups import GroupNames, groups_of
from llmlab_pytest.reporting._samples import MASS_SCORER

_NO_FILTER = "none"
_OUTPUT_TYPES = {
    "loglikelihood": "multiple_choice",
    "generate": "generate_until",
    "perplexity": "loglikelihood_rolling",
}
_PERPLEXITIES = ("word_perplexity", "byte_perplexity", "bits_per_byte")
_AGGREGATIONS = {
    "f1": "f1",
    "mcc": "matthews_corrcoef",
    "perplexity": "perplexity",
    "bleu": "bleu",
    "chrf": "chrf",
    "ter": "ter",
    "word_perplexity": "weighted_perplexity",
    "byte_perplexity": "weighted_perplexity",
    "bits_per_byte": "bits_per_byte",
}
"""lm-eval's name of what makes a metric of all samples; else their mean."""
_OTHER_NAMES = {MASS_SCORER: "acc", "corpus_bleu": "bleu"}
_MOST_DRAWS = 100_000


class MetricName(NamedTuple):
    """What lm-eval calls one of our scores: a metric after a filter."""

    metric: str
    filter: str


def metric_of(plan: TaskPlan, scorer: str) -> MetricName:
    """Return lm-eval's name of a score.

    A scorer that the card renames with `as` is a filter there: GSM8K's `strict-match`
    is `exact_match` after the filter `strict-match`.
    """
    for spec in definition_of(plan).get("scorers", []):
        if isinstance(spec, dict) and spec.get("as") == scorer:
            name = str(spec["name"])
            return MetricName(_OTHER_NAMES.get(name, name), scorer)
    return MetricName(_OTHER_NAMES.get(scorer, scorer), _NO_FILTER)


def definition_of(plan: TaskPlan) -> dict[str, Any]:
    """Return the task as it was run; empty for behaviour tests."""
    content: dict[str, Any] = json.loads(plan.factors.get("definition", "{}"))
    return content


def results_of(
    report: Report, rows: Sequence[TaskRow], hashes: Mapping[str, str]
) -> dict[str, Any]:
    """Return the results of one model.

    Args:
        report: of the run.
        rows: the model's tasks.
        hashes: digest of all samples by task.
    """
    by_task = {row.plan.task: row for row in rows}
    groups = {task: groups_of(row) for task, row in by_task.items()}
    results = {
        name: entry
        for task, row in by_task.items()
        for name, entry in _entries(row, groups[task]).items()
    }
    children = {k: v for names in groups.values() for k, v in names.children.items()}
    totals = {name: entry for name, entry in results.items() if name in children}
    return {
        "results": results,
        **({"groups": totals} if totals else {}),
        "group_subtasks": children,
        "configs": {task: _config(row) for task, row in by_task.items()},
        "versions": {task: _version(row.plan) for task, row in by_task.items()},
        "n-shot": {
            name: definition_of(row.plan).get("shots", 0)
            for task, row in by_task.items()
            for name in (task, *groups[task].rows)
        },
        "higher_is_better": {
            name: {
                entry["metric"]: entry["higher_is_better"]
                for entry in (_entry(row.plan, m.name) for m in row.metrics)
            }
            for task, row in by_task.items()
            for name in (task, *groups[task].rows)
        },
        "n-samples": {task: _counts(row) for task, row in by_task.items()},
        **_run(report, rows[0].plan),
        "task_hashes": dict(hashes),
    }


def _entries(row: TaskRow, groups: GroupNames) -> dict[str, dict[str, Any]]:
    """Return the results of a task, and of its groups and parts, by name."""
    task = row.plan.task
    found = {task: _metrics(row.plan, task, row.metrics)}
    for name, group in groups.rows.items():
        entry = _metrics(row.plan, name, group.metrics)
        found[name] = {**entry, "alias": group.path[-1]}
    for name in groups.children:
        counts = {
            ",".join(metric_of(row.plan, metric.name)): metric.n
            for metric in groups.rows.get(name, row).metrics
        }
        found[name]["sample_count"] = counts
    return found


def _metrics(plan: TaskPlan, title: str, metrics: Sequence[Metric]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for metric in metrics:
        name, which = metric_of(plan, metric.name)
        stderr = metric.stderr
        values[f"{name},{which}"] = metric.value
        values[f"{name}_stderr,{which}"] = "N/A" if stderr is None else stderr
    return {"name": title, "alias": title, "sample_len": _effective(metrics), **values}


def _effective(metrics: Sequence[Metric]) -> int:
    """Return how many samples a metric rests on."""
    return max((metric.n for metric in metrics), default=0)


def _counts(row: TaskRow) -> dict[str, int]:
    """Return how many samples there are, and how many a metric rests on."""
    original = row.plan.available // row.plan.epochs
    return {"original": original, "effective": _effective(row.metrics)}


def _config(row: TaskRow) -> dict[str, Any]:
    """Return the task in the words of lm-eval's task files."""
    plan, task = row.plan, definition_of(row.plan)
    config = {
        "task": plan.task,
        "dataset_path": plan.factors.get("data_source", ""),
        "doc_to_text": task.get("contexts") or task.get("prompt"),
        "doc_to_target": task.get("target"),
        "unsafe_code": False,
        "doc_to_choice": task.get("choices"),
        "description": task.get("description"),
        "target_delimiter": task.get("target_delimiter"),
        "fewshot_delimiter": task.get("demonstration_delimiter"),
        "num_fewshot": task.get("shots"),
        "metric_list": [_entry(plan, metric.name) for metric in row.metrics],
        "output_type": _OUTPUT_TYPES.get(task.get("kind", ""), task.get("kind")),
        "repeats": plan.epochs,
        "should_decontaminate": False,
        "metadata": {
            "version": _version(plan),
            "task_hash": plan.factors.get("task_hash"),
        },
    }
    if task.get("kind") == "generate":
        config["generation_kwargs"] = {
            "until": task.get("stop"),
            "max_gen_toks": task.get("max_tokens"),
            "temperature": task.get("temperature"),
        }
    return config


def _entry(plan: TaskPlan, name: str) -> dict[str, Any]:
    metric, _ = metric_of(plan, name)
    return {
        "metric": metric,
        "aggregation": _AGGREGATIONS.get(metric, "mean"),
        "higher_is_better": metric not in LOWER_IS_BETTER,
    }


def _version(plan: TaskPlan) -> float | str:
    text = plan.factors.get("task_version", "")
    try:
        return float(text)
    except ValueError:
        return text


def _run(report: Report, plan: TaskPlan) -> dict[str, Any]:
    """Return how the run was made: model, seed, date, versions."""
    factors = report.factors
    asked = json.loads(factors.get(f"model:{plan.model}", "{}"))
    started = report.started_at
    seed = int(factors["seed"]) if factors.get("seed", "").isdigit() else None
    return {
        "config": {
            "model": asked.get("provider", plan.model),
            "model_args": {"pretrained": asked.get("id", plan.model)},
            "model_sha": factors.get(f"model_digest:{plan.model}", ""),
            "batch_size": None,
            "batch_sizes": [],
            "device": None,
            "use_cache": None,
            "limit": factors.get("limit"),
            "bootstrap_iters": _MOST_DRAWS,
            "gen_kwargs": None,
            "random_seed": seed,
            "numpy_seed": seed,
            "torch_seed": seed,
            "fewshot_seed": seed,
        },
        "git_hash": factors.get("git_commit"),
        "date": datetime.fromisoformat(started).timestamp() if started else None,
        "pretty_env_info": factors.get("platform", ""),
        "transformers_version": factors.get("version:transformers", "N/A"),
        "lm_eval_version": f"llmlab-pytest {factors.get('version:llmlab-pytest', '')}",
        "upper_git_hash": None,
        "model_source": asked.get("provider", plan.model),
        "model_name": plan.model,
        "model_name_sanitized": plan.model,
        "system_instruction": definition_of(plan).get("system"),
        "system_instruction_sha": None,
        "fewshot_as_multiturn": False,
        "chat_template": None,
        "chat_template_sha": None,
        "total_evaluation_time_seconds": _took_s(report),
    }


def _took_s(report: Report) -> str | None:
    if report.started_at is None or report.finished_at is None:
        return None
    ends = map(datetime.fromisoformat, (report.finished_at, report.started_at))
    finished, started = ends
    return str((finished - started).total_seconds())
