"""View of models and tasks: the last score of each, with its interval."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from llmlab_pytest.core import Metric
from llmlab_pytest.reporting import LOWER_IS_BETTER, interval, score
from llmlab_pytest.ui._links import Query, address
from llmlab_pytest.ui._page import render
from llmlab_pytest.ui._runs import moment, span_of
from llmlab_pytest.ui._shelf import Shelf
from llmlab_pytest.ui._standings import Standing, Table, standings_of

_MOST_TASKS = 12
"""Columns of one page."""


def leaderboard_view(shelf: Shelf, query: Query) -> str:
    """Return a line per model and a column per task; the best mean stands first."""
    table = standings_of(shelf)
    wanted = query.every("task")
    tasks = [task for task in table if not wanted or task in wanted][:_MOST_TASKS]
    shown = {task: table[task] for task in tasks}
    models = {model for own in shown.values() for model in own}
    means = {model: _mean(shown, model) for model in models}
    ordered = sorted(models, key=lambda m: (-(means[m] or -1.0), m))
    return render(
        "leaderboard",
        here="/leaderboard",
        every=list(table),
        tasks=tasks,
        metrics=[_metric_of(shown[task]) for task in tasks],
        lines=[
            (model, score(means[model]), [_cell(shown[task], model) for task in tasks])
            for model in ordered
        ],
        has_mean=len(tasks) > 1,
    )


def _mean(table: Table, model: str) -> float | None:
    """Return the mean of a model over all tasks, where it can be compared in all.

    Only of scores from 0 to 1, of which more is better: others have no common measure.
    """
    metrics: list[Metric] = []
    for own in table.values():
        standing = own.get(model)
        if standing is None or not standing.is_comparable:
            return None
        metrics.append(standing.metric)
    values = [metric.value for metric in metrics if _is_share(metric)]
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(table) else None


def _is_share(metric: Metric) -> bool:
    value = metric.value
    return value is not None and 0 <= value <= 1 and metric.name not in LOWER_IS_BETTER


def _metric_of(own: Mapping[str, Standing]) -> str:
    names = {each.metric.name for each in own.values() if each.is_comparable}
    return ", ".join(sorted(names))


def _cell(own: Mapping[str, Standing], model: str) -> dict[str, Any]:
    standing = own.get(model)
    if standing is None:
        return {"value": "", "is_best": False, "note": "", "href": "", "span": None}
    metric, run = standing.metric, standing.run
    is_alone = len(own) == 1
    return {
        "value": score(metric.value),
        "interval": interval(metric),
        "n": f"{metric.n:,}",
        "errors": standing.row.errors,
        "when": moment(run.started_at),
        "href": address("runs", run.id),
        "span": span_of(metric),
        "is_best": standing.is_best and not is_alone,
        "note": "" if standing.is_comparable else _note(own, standing),
    }


def _note(own: Mapping[str, Standing], standing: Standing) -> str:
    """Say what keeps a score from being compared with most of its task."""
    usual = next(each for each in own.values() if each.is_comparable)
    if usual.metric.name != standing.metric.name:
        return f"scored by {standing.metric.name}"
    is_same = standing.key[-2] == usual.key[-2]
    return "another version of the task" if is_same else "other samples"
