"""Views of runs: the list, and what one run says."""

from collections.abc import Sequence

from llmlab_pytest.core import Metric, Report, TaskRow, VerdictState
from llmlab_pytest.reporting import (
    NUMBER_COLUMNS,
    engines_of,
    factors_of,
    flaky_lines,
    judges_of,
    lines_of,
    money,
    moved_of,
    when,
)
from llmlab_pytest.store import RunSummary, Total
from llmlab_pytest.ui._links import Query, address
from llmlab_pytest.ui._page import Cell, Head, pager_of, render
from llmlab_pytest.ui._shelf import Shelf

_BY = 50
_NAMED = 3
_STATES: dict[VerdictState, str] = {
    "passed": "hit",
    "failed": "error",
    "inconclusive": "miss",
    "error": "error",
}
"""The colour of a verdict, by the outcome that has it."""
_NAME, _NUMBER = "wide", "number"
_RUNS = (
    Head("run", "title moment"),
    Head("begun", "wide moment"),
    Head("state", _NAME),
    Head("tasks", "wide names"),
    Head("models", "wide names"),
    Head("samples", _NUMBER),
    Head("err", _NUMBER),
    Head("cost", _NUMBER),
)
_ROWS = (
    Head("task", "title"),
    Head("model", _NAME),
    Head("metric", _NAME),
    Head("0 to 1", "drawn"),
    *(Head(name, _NUMBER) for name in NUMBER_COLUMNS),
)
_GATES = (
    Head("gate", "title"),
    Head("verdict", _NAME),
    Head("task", _NAME),
    Head("model", _NAME),
    Head("why", "wide why"),
)
_MOVED = (
    Head("explanation", "title"),
    Head("model", _NAME),
    Head("changed alone", _NAME),
    *(Head(name, _NUMBER) for name in ("points", "95% interval", "n")),
)


def runs_view(shelf: Shelf, query: Query) -> str:
    """Return the list of runs, newest first."""
    runs = shelf.runs()
    pager, part = pager_of(
        len(runs), query.number("page"), _BY, lambda n: address("runs", page=n)
    )
    chosen = runs[part]
    totals: dict[str, list[Total]] = {run.id: [] for run in chosen}
    for total in shelf.store.catalogue.totals(list(totals)) if chosen else []:
        totals[total.run_id].append(total)
    return render(
        "runs",
        here="/runs",
        store=shelf.url,
        heads=_RUNS,
        lines=[(run.id, _run_line(shelf, run, totals[run.id])) for run in chosen],
        pager=pager,
    )


def _run_line(shelf: Shelf, run: RunSummary, totals: Sequence[Total]) -> list[Cell]:
    plans = shelf.store.plans(run.id)
    spent_usd = sum(total.cost_usd for total in totals)
    is_known = not any(total.unpriced for total in totals)
    errors = sum(total.errors for total in totals)
    return [
        Cell(run.id, address("runs", run.id)),
        Cell(moment(run.started_at)),
        Cell("finished" if run.finished_at else "not finished"),
        Cell(_named([plan.task for plan in plans])),
        Cell(_named([plan.model for plan in plans])),
        Cell(f"{sum(total.results for total in totals):,}"),
        Cell(f"{errors:,}", kind="error" if errors else ""),
        Cell(money(spent_usd if is_known else None) if totals else "-"),
    ]


def moment(stamp: str) -> str:
    """Return a moment to the minute, as `2026-11-30 20:14`, in UTC as it is kept."""
    day, _, clock = stamp.partition("T")
    return f"{day} {clock[:5]}".strip()


def _named(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _NAMED
    return ", ".join(distinct[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def run_view(shelf: Shelf, query: Query) -> str:
    """Return what a run says: its table, gates, judges, and how it was run."""
    run_id = query.part("run")
    report, unjudged, trouble = shelf.reported(run_id)
    judged = judges_of(report)
    return render(
        "run",
        here="/runs",
        run=run_id,
        when=when(report),
        trouble=trouble,
        heads=_ROWS,
        lines=_row_lines(run_id, report),
        several=_has_several(report),
        flaky=flaky_lines(report),
        gate_heads=_GATES,
        verdicts=_verdict_lines(report),
        unjudged=unjudged,
        judges=judged,
        judge_heads=[Head(name, _NUMBER) for name in judged.head],
        judge_lines=[[Cell(text) for text in line] for line in judged.lines],
        moved_heads=_MOVED,
        moved=_moved_lines(report),
        engines=engines_of(report),
        factors=factors_of(report),
    )


def _row_lines(run_id: str, report: Report) -> list[list[Cell]]:
    rows = sorted(report.rows, key=lambda row: (row.plan.task, row.plan.model))
    metrics = [(row, metric) for row in rows for metric in row.metrics or (_nothing(),)]
    lines = []
    for (row, metric), line in zip(metrics, lines_of(report), strict=True):
        link = _samples_of(run_id, row) if line.task else ""
        cells = [Cell(line.task, link), Cell(line.model), Cell(line.metric)]
        cells.append(Cell("", span=span_of(metric)))
        lines.append([*cells, *map(Cell, line.cells)])
    return lines


def _nothing() -> Metric:
    return Metric(name="-", value=None, n=0)


def span_of(metric: Metric) -> tuple[float, float, float] | None:
    """Return value and interval of a metric that lies between 0 and 1, to be drawn."""
    value, ends = metric.value, metric.interval
    if value is None or not 0 <= value <= 1:
        return None
    return (value, ends.low, ends.high) if ends else (value, value, value)


def _samples_of(run_id: str, row: TaskRow) -> str:
    return address("runs", run_id, "samples", task=row.plan.task, model=row.plan.model)


def _has_several(report: Report) -> bool:
    tasks = [row.plan.task for row in report.rows]
    return len(set(tasks)) < len(tasks)


def _verdict_lines(report: Report) -> list[list[Cell]]:
    return [
        [
            Cell(verdict.gate),
            Cell(verdict.state, kind=f"state {_STATES[verdict.state]}"),
            Cell(verdict.task),
            Cell(verdict.model),
            Cell(verdict.reason),
        ]
        for verdict in report.verdicts
    ]


def _moved_lines(report: Report) -> list[list[Cell]]:
    return [
        [
            *map(Cell, (item.explanation, item.model, item.factor)),
            *map(Cell, (item.points, item.interval, f"{item.n}")),
        ]
        for item in moved_of(report)
    ]
