"""The tables and the chart of the result page, as rows of text."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from llmlab_pytest.core import (
    Metric,
    Report,
    Stratum,
    TaskRow,
    escape_control,
    redact,
    shorten,
)
from llmlab_pytest.reporting import _format
from llmlab_pytest.reporting._judges import as_people_rate, judge_cells
from llmlab_pytest.reporting._samples import TaskSamples

NUMBER_COLUMNS = (
    "value",
    "95% interval",
    "n",
    "miss",
    "err",
    "cost",
    "tokens in",
    "tokens out",
    "p50",
    "p95",
    "tok/s",
)
_CAPTION = 46
"""Characters that fit a phone's width."""


class Line(NamedTuple):
    """A metric of a task on a model; names are told once per task and model."""

    task: str
    model: str
    metric: str
    cells: Sequence[str]


class Drawn(NamedTuple):
    """A metric on an axis from 0 to 1, as SVG coordinates such as `53.1%`."""

    caption: str
    text: str
    value: str
    low: str
    """Empty without an interval, as `high`."""
    high: str


class Moved(NamedTuple):
    """What moved a score, in percentage points."""

    explanation: str
    model: str
    factor: str
    points: str
    interval: str
    n: int


class PartLine(NamedTuple):
    """A stratum."""

    name: str
    value: str
    interval: str
    n: int
    misses: str
    errors: int
    drawn: Drawn | None


class Judges(NamedTuple):
    """A table of who judged: names, then numbers."""

    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    corrected: Sequence[str]
    """What people would have said, a sentence each."""


class Part(NamedTuple):
    """The strata of a task on a model, by its first metric."""

    title: str
    by: str
    metric: str
    lines: Sequence[PartLine]


class Factors(NamedTuple):
    """Names and values that could explain another number."""

    title: str
    pairs: Sequence[tuple[str, str]]


def shown(text: str) -> str:
    """Return text that is safe to show: without secrets and control characters."""
    return escape_control(redact(text))


def when(report: Report) -> str:
    """Say when the run was made, and whether it ended by itself."""
    if report.started_at is None:
        return ""
    if report.finished_at is None:
        return f"begun {report.started_at}; not finished: interrupted or still running"
    return f"begun {report.started_at}, finished {report.finished_at}"


def lines_of(report: Report) -> list[Line]:
    """Return the headline table, ordered by task and model."""
    return [line for row in _rows(report) for line in _lines(row)]


def _lines(row: TaskRow) -> list[Line]:
    metrics = row.metrics or (Metric(name=_format.ABSENT, value=None, n=0),)
    lines = []
    for index, metric in enumerate(metrics):
        names = (shown(row.plan.task), shown(row.plan.model))
        cells = [
            _format.score(metric.value),
            _format.interval(metric),
            *(_taken(row, metric) if index == 0 else [""] * 9),
        ]
        lines.append(
            Line(*(names if index == 0 else ("", "")), shown(metric.name), cells)
        )
    return lines


def _taken(row: TaskRow, metric: Metric) -> list[str]:
    return [
        _format.samples(row, metric),
        _format.count(row.misses),
        _format.count(row.errors),
        _format.money(row.cost_usd),
        _format.tokens(row.usage.input_tokens),
        _format.tokens(row.usage.output_tokens),
        _format.seconds(row.latency_p50_s),
        _format.seconds(row.latency_p95_s),
        _format.rate(row.tokens_per_s),
    ]


def engines_of(report: Report) -> list[tuple[str, str]]:
    """Return each local model and what its engine did."""
    return [
        (
            shown(engine.model),
            " · ".join((_format.shared(engine), _format.engine_rate(engine))),
        )
        for engine in report.engines
    ]


def judges_of(report: Report) -> Judges:
    """Return who judged, and what that took."""
    head, lines = judge_cells(report)
    told = [shown(line) for line in as_people_rate(report)]
    return Judges(head, [[shown(cell) for cell in cells] for cells in lines], told)


def chart_of(report: Report) -> list[Drawn]:
    """Return the metrics that lie between 0 and 1; others have no common axis."""
    return [
        drawn
        for row in _rows(report)
        for metric in row.metrics
        if (drawn := _drawn(metric, f"{row.plan.task} · {row.plan.model}"))
    ]


def _drawn(metric: Metric, place: str) -> Drawn | None:
    value, interval = metric.value, metric.interval
    if value is None or not 0 <= value <= 1:
        return None
    text = _format.score(value)
    low = high = ""
    if interval is not None:
        text = f"{text} {_format.interval(metric)}"
        # Student's t may reach beyond what the metric can be; the axis does not.
        low, high = _x(max(interval.low, 0.0)), _x(min(interval.high, 1.0))
    caption = shorten(redact(f"{place} · {metric.name}"), _CAPTION)
    return Drawn(caption, text, _x(value), low, high)


def _x(value: float) -> str:
    return f"{value * 100:.2f}%"


def moved_of(report: Report) -> list[Moved]:
    """Return the contribution of each factor of each explanation, in their order."""
    return [
        Moved(
            explanation=shown(item.explanation),
            model=shown(item.model),
            factor=shown(item.factor),
            points=_format.points(item),
            interval=_format.points_interval(item),
            n=item.n,
        )
        for item in report.contributions
    ]


def part_of(table: TaskSamples) -> Part:
    """Return the strata of a task on a model."""
    plan, metrics = table.row.plan, table.row.metrics
    return Part(
        title=shown(f"{plan.task} on {plan.model}"),
        by=shown(table.stratified_by),
        metric=shown(metrics[0].name) if metrics else _format.ABSENT,
        lines=[_part_line(stratum) for stratum in table.strata],
    )


def _part_line(stratum: Stratum) -> PartLine:
    row = stratum.row
    metric = row.metrics[0] if row.metrics else Metric(name="", value=None, n=0)
    return PartLine(
        name=shown(stratum.name),
        value=_format.score(metric.value),
        interval=_format.interval(metric),
        n=metric.n,
        misses=_format.count(row.misses),
        errors=row.errors,
        drawn=_drawn(metric, stratum.name),
    )


def factors_of(report: Report) -> list[Factors]:
    """Return the factors of the run, then those of each task and model."""
    groups = [Factors("Run", _pairs(report.factors.items()))]
    for row in _rows(report):
        plan = row.plan
        facts = {**plan.factors, "planned": plan.planned, "available": plan.available}
        facts |= {"epochs": plan.epochs, "gates": ", ".join(plan.gates)}
        pairs = _pairs((name, str(value)) for name, value in facts.items())
        groups.append(Factors(shown(f"{plan.task} on {plan.model}"), pairs))
    return groups


def _pairs(items: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(shown(name), shown(value)) for name, value in sorted(items) if value]


def _rows(report: Report) -> list[TaskRow]:
    return sorted(report.rows, key=lambda row: (row.plan.task, row.plan.model))
