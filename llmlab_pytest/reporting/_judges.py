"""Who judged, what that took, and what people would have said."""

from collections.abc import Iterator

from llmlab_pytest.core import JudgingRow, Report, TaskRow, shorten
from llmlab_pytest.reporting import _format
from llmlab_pytest.reporting._grid import aligned

_NAME_WIDTH, _SHORTEST_NAME = 32, 8
_WHERE = ("task", "model")
_WHO = ("scorer", "judge")
_HEAD = ("value", "95% interval", "calls", "cost")
_AGREEMENT = "agreement"


def judge_cells(report: Report) -> tuple[list[str], list[list[str]]]:
    """Return the head and the lines of a table of judges; no lines without any.

    What judges cost is not in the costs of the tested models. Task and model are left
    out where there is one of each; the last column tells of juries, if there are any.
    """
    pairs = list(_judged(report))
    is_jury = any(judge.agreement is not None for _, judge in pairs)
    where = _WHERE if len(report.rows) > 1 else ()
    head = [*where, *_WHO, *_HEAD, *([_AGREEMENT] if is_jury else [])]
    lines = [
        [
            *((row.plan.task, row.plan.model) if where else ()),
            *_cells(judge),
            *([_alpha(judge)] if is_jury else []),
        ]
        for row, judge in pairs
    ]
    return head, lines


def as_people_rate(report: Report) -> list[str]:
    """Return what people would have said, where a calibration tells."""
    lines = []
    for row, judge in _judged(report):
        if (found := judge.corrected) is not None:
            value, interval = _format.score(found.value), _format.interval(found)
            place = f"{judge.scorer} of {row.plan.task} on {row.plan.model}"
            lines.append(f"as people rate {place}: {value} {interval} ({judge.judge})")
    return lines


def render_judges(report: Report, *, width: int) -> list[str]:
    """Return the table for a terminal; names are shortened where it is too narrow."""
    head, lines = judge_cells(report)
    if not lines:
        return []
    count = head.index(_HEAD[0])
    aligns = ["<"] * count + [">"] * (len(head) - count)
    table: list[str] = []
    for longest in range(_NAME_WIDTH, _SHORTEST_NAME - 1, -1):
        cells = [
            [*(shorten(name, longest) for name in line[:count]), *line[count:]]
            for line in lines
        ]
        table = aligned([head, *cells], aligns)
        if max(map(len, table)) <= width:
            break
    return [*table, *as_people_rate(report)]


def _judged(report: Report) -> Iterator[tuple[TaskRow, JudgingRow]]:
    for row in sorted(report.rows, key=lambda row: (row.plan.task, row.plan.model)):
        for judge in row.judges:
            yield row, judge


def _cells(judge: JudgingRow) -> list[str]:
    return [
        judge.scorer,
        judge.judge,
        _format.score(judge.metric.value),
        _format.interval(judge.metric),
        f"{judge.calls}",
        _format.money(judge.cost_usd),
    ]


def _alpha(judge: JudgingRow) -> str:
    return _format.ABSENT if judge.agreement is None else f"{judge.agreement:.2f}"
