"""The final table as plain lines for a terminal.

One line per task, model and metric. On a narrow terminal the least important columns
give way, and the last line says which; nothing is wrapped or cut off on the right.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmlab_pytest.core import Metric, Report, TaskRow, escape_control, shorten
from llmlab_pytest.reporting import _format

_NAME_WIDTH = 32
_GAP = "  "


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cell: Callable[[TaskRow, Metric], str]
    is_per_row: bool = True
    """Shown once per task and model, not for each further metric."""
    align: str = ">"


_COLUMNS = (
    _Column("task", lambda row, _: _name(row.plan.task), align="<"),
    _Column("model", lambda row, _: _name(row.plan.model), align="<"),
    _Column("metric", lambda _, metric: metric.name, is_per_row=False, align="<"),
    _Column("value", lambda _, m: _format.score(m.value), is_per_row=False),
    _Column("95% interval", lambda _, m: _format.interval(m), is_per_row=False),
    _Column("n", lambda row, _: _format.samples(row)),
    _Column("miss", lambda row, _: _format.count(row.misses)),
    _Column("err", lambda row, _: _format.count(row.errors)),
    _Column("cost", lambda row, _: _format.money(row.cost_usd)),
    _Column("tokens", lambda row, _: _format.tokens(_tokens(row))),
    _Column("p50", lambda row, _: _format.seconds(row.latency_p50_s)),
    _Column("p95", lambda row, _: _format.seconds(row.latency_p95_s)),
    _Column("tok/s", lambda row, _: _format.rate(row.tokens_per_s)),
)
_FIRST_TO_GO = ("tok/s", "p95", "p50", "tokens", "cost", "err", "miss", "n")


def render_terminal(report: Report, *, width: int) -> list[str]:
    """Return the lines of the table, the verdicts and a footer, without colour.

    Args:
        report: rows in any order; they are shown by task, then model.
        width: columns of the terminal; fewer than about 70 cannot hold the table.
    """
    rows = sorted(report.rows, key=lambda row: (row.plan.task, row.plan.model))
    lines, hidden = _table(rows, width)
    if report.verdicts:
        lines += ["", *(_verdicts(report))]
    return [*lines, "", *_footer(report, hidden)]


def _table(rows: Sequence[TaskRow], width: int) -> tuple[list[str], list[str]]:
    columns = list(_COLUMNS)
    hidden: list[str] = []
    while True:
        lines = _aligned(columns, rows)
        if len(lines[0]) <= width or len(hidden) == len(_FIRST_TO_GO):
            return lines, hidden
        hidden.append(_FIRST_TO_GO[len(hidden)])
        columns = [column for column in columns if column.title not in hidden]


def _aligned(columns: Sequence[_Column], rows: Sequence[TaskRow]) -> list[str]:
    grid = [[column.title for column in columns]]
    for row in rows:
        for index, metric in enumerate(row.metrics or (_no_metric(),)):
            grid.append(
                [
                    column.cell(row, metric)
                    if index == 0 or not column.is_per_row
                    else ""
                    for column in columns
                ]
            )
    widths = [max(len(cells[i]) for cells in grid) for i in range(len(columns))]
    return [
        _GAP.join(
            f"{cell:{column.align}{room}}"
            for cell, column, room in zip(cells, columns, widths, strict=True)
        )
        for cells in grid
    ]


def _verdicts(report: Report) -> list[str]:
    lines: list[str] = []
    for verdict in report.verdicts:
        place = f"{verdict.task} on {verdict.model}"
        lines.append(f"{verdict.state.upper()}  {place}: {verdict.gate}")
        lines.append(f"    {escape_control(verdict.reason)}")
    return lines


def _footer(report: Report, hidden: Sequence[str]) -> list[str]:
    parts = [f"run {report.run_id}"]
    if any(row.plan.planned < row.plan.available for row in report.rows):
        parts.append(f"subsets drawn with seed {report.factors.get('seed', '?')}")
    if hidden:
        parts.append(f"wider terminals also show {', '.join(reversed(hidden))}")
    return [" · ".join(parts)]


def _name(text: str) -> str:
    return shorten(text, _NAME_WIDTH)


def _tokens(row: TaskRow) -> int:
    return row.usage.input_tokens + row.usage.output_tokens


def _no_metric() -> Metric:
    return Metric(name=_format.ABSENT, value=None, n=0)
