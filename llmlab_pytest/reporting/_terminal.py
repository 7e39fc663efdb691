"""The final table as plain lines for a terminal.

One line per task, model and metric. Where the terminal is too narrow for all columns,
as CI logs are, the table becomes two below each other: what was found, and what it
took. Long names are shortened before a line would be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmlab_pytest.core import (
    Contribution,
    EngineAccount,
    GroupRow,
    Metric,
    Report,
    TaskRow,
    escape_control,
    shorten,
)
from llmlab_pytest.reporting import _format
from llmlab_pytest.reporting._coverage import COVERAGE_HEAD, coverage_cells
from llmlab_pytest.reporting._flaky import flaky_lines
from llmlab_pytest.reporting._forecasts import render_accuracy, render_predictions
from llmlab_pytest.reporting._grid import aligned
from llmlab_pytest.reporting._judges import render_judges

_NAME_WIDTH = 32
_SHORTEST_NAME = 12
_INDENT = "  "
_OVERRIDES = ("compat", "shots", "chat", "system")
"""Factors of the run that change every task, unless they leave it to the tasks."""
_BY_TASK = "task"


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cell: Callable[[TaskRow, Metric], str]
    is_per_row: bool = True
    """Shown once per task and model, not for each further metric."""
    align: str = ">"


_WHO = (
    _Column("task", lambda row, _: row.plan.task, align="<"),
    _Column("model", lambda row, _: row.plan.model, align="<"),
)
_N = _Column("n", _format.samples)
_FOUND = (
    _Column("metric", lambda _, metric: metric.name, is_per_row=False, align="<"),
    _Column("value", lambda _, m: _format.score(m.value), is_per_row=False),
    _Column("95% interval", lambda _, m: _format.interval(m), is_per_row=False),
    _N,
)
_KEPT = _Column("kept", lambda row, _: f"{row.kept}")
"""Shown where an answer came from the cache."""
_TAKEN = (
    _Column("miss", lambda row, _: _format.count(row.misses)),
    _Column("err", lambda row, _: _format.count(row.errors)),
    _KEPT,
    _Column("cost", lambda row, _: _format.money(row.cost_usd)),
    _Column("tokens", lambda row, _: _format.tokens(_tokens(row))),
    _Column("p50", lambda row, _: _format.seconds(row.latency_p50_s)),
    _Column("p95", lambda row, _: _format.seconds(row.latency_p95_s)),
    _Column("tok/s", lambda row, _: _format.rate(row.tokens_per_s)),
)


def render_terminal(report: Report, *, width: int) -> list[str]:
    """Return the lines of the table, the verdicts and a footer, without colour.

    Args:
        report: rows in any order; they are shown by task, then model.
        width: columns of the terminal; about 70 are needed.
    """
    rows = sorted(report.rows, key=lambda row: (row.plan.task, row.plan.model))
    taken = [c for c in _TAKEN if c is not _KEPT or any(row.kept for row in rows)]
    lines = _grid((*_FOUND, *taken), rows)
    if max(map(len, lines)) > width:
        lines = [*_fitted(_FOUND, rows, width), "", *_fitted(taken, rows, width)]
    kept, accuracy = _format.kept(rows), render_accuracy(report)
    sections = (
        flaky_lines(report),
        _contributions(report.contributions) if report.contributions else [],
        render_judges(report, width=width),
        [line for engine in report.engines for line in _engine(engine)],
        _coverage(report),
        _verdicts(report),
        render_predictions(report.predictions, width=width)
        if report.predictions
        else [],
        [kept] if kept else [],
        [accuracy] if accuracy else [],
    )
    for section in filter(None, sections):
        lines += ["", *section]
    return [*lines, "", *_footer(report)]


def _fitted(
    columns: Sequence[_Column], rows: Sequence[TaskRow], width: int
) -> list[str]:
    """Return the lines with names as short as it takes."""
    lines: list[str] = []
    for name_width in range(_NAME_WIDTH, _SHORTEST_NAME - 1, -1):
        lines = _grid(columns, rows, name_width=name_width)
        if max(map(len, lines)) <= width:
            break
    return lines


def _grid(
    columns: Sequence[_Column],
    rows: Sequence[TaskRow],
    *,
    name_width: int = _NAME_WIDTH,
) -> list[str]:
    cells = [[column.title for column in (*_WHO, *columns)]]
    is_per_metric = not all(column.is_per_row for column in columns)
    for row in rows:
        metrics = row.metrics or (_no_metric(),)
        for index, metric in enumerate(metrics if is_per_metric else metrics[:1]):
            names = [
                shorten(column.cell(row, metric), name_width) if index == 0 else ""
                for column in _WHO
            ]
            values = [
                column.cell(row, metric) if index == 0 or not column.is_per_row else ""
                for column in columns
            ]
            cells.append([*names, *values])
        if is_per_metric:
            cells += [
                _group_line(row, group, columns, name_width) for group in _groups(row)
            ]
    return aligned(cells, [column.align for column in (*_WHO, *columns)])


def _groups(row: TaskRow) -> list[GroupRow]:
    """Return the groups that have parts; the parts themselves are in the JSON."""
    around = {group.path[:-1] for group in row.groups}
    return [group for group in row.groups if group.path in around]


def _group_line(
    row: TaskRow, group: GroupRow, columns: Sequence[_Column], name_width: int
) -> list[str]:
    """Return the cells of a group: its name and its first metric."""
    metric = group.metrics[0] if group.metrics else _no_metric()
    indent = _INDENT * len(group.path)
    cells = [indent + shorten(group.path[-1], name_width - len(indent)), ""]
    for column in columns:
        if column is _N:
            cells.append(f"{metric.n}")
        else:
            cells.append("" if column.is_per_row else column.cell(row, metric))
    return cells


def _contributions(found: Sequence[Contribution]) -> list[str]:
    """Return a table of what moved the scores, in percentage points."""
    cells = [["explanation", "model", "changed alone", "points", "95% interval", "n"]]
    for item in found:
        names = (item.explanation, item.model, item.factor)
        short = [shorten(name, _NAME_WIDTH) for name in names]
        numbers = [_format.points(item), _format.points_interval(item), str(item.n)]
        cells.append([*short, *numbers])
    return aligned(cells, "<<<>>>")


def _engine(engine: EngineAccount) -> list[str]:
    """Return what was asked of a local model, computed, and how fast."""
    alias = shorten(engine.model, _NAME_WIDTH)
    return [
        f"{alias}: {_format.shared(engine)}",
        f"{_INDENT}{_format.engine_rate(engine)}",
    ]


def _coverage(report: Report) -> list[str]:
    if not report.coverage:
        return []
    cells = [list(COVERAGE_HEAD), *coverage_cells(report.coverage)]
    return aligned(cells, "<>>><<")


def _verdicts(report: Report) -> list[str]:
    lines: list[str] = []
    for verdict in report.verdicts:
        place = f"{verdict.task} on {verdict.model}"
        lines.append(f"{verdict.state.upper()}  {place}: {verdict.gate}")
        lines.append(f"    {escape_control(verdict.reason)}")
    return lines


def _footer(report: Report) -> list[str]:
    parts = [f"run {report.run_id}"]
    if any(row.plan.planned < row.plan.available for row in report.rows):
        parts.append(f"subsets drawn with seed {report.factors.get('seed', '?')}")
    given = {name: report.factors.get(name, _BY_TASK) for name in _OVERRIDES}
    parts += [
        f"{name} {shorten(value, _NAME_WIDTH)}"
        for name, value in given.items()
        if value != _BY_TASK
    ]
    return [" · ".join(parts)]


def _tokens(row: TaskRow) -> int:
    return row.usage.input_tokens + row.usage.output_tokens


def _no_metric() -> Metric:
    return Metric(name=_format.ABSENT, value=None, n=0)
