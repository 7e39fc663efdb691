"""A run as Markdown: for a pull request, an issue, or the summary of a CI job."""

from collections.abc import Iterable, Iterator
from itertools import islice

from llmlab_pytest.core import (
    Metric,
    Report,
    SampleRecord,
    TaskRow,
    escape_control,
    redactor,
    shorten,
)
from llmlab_pytest.reporting import _format
from llmlab_pytest.reporting._coverage import COVERAGE_HEAD, coverage_cells
from llmlab_pytest.reporting._judges import as_people_rate, judge_cells
from llmlab_pytest.reporting._markdown_text import (
    block,
    escaped,
    html_code,
    markdown_table,
    span,
)
from llmlab_pytest.reporting._samples import (
    Hide,
    TaskSamples,
    answer_text,
    asked_of,
    prompt_text,
    target_text,
)
from llmlab_pytest.reporting._side_by_side import SideBySide
from llmlab_pytest.reporting._side_markdown import side_summary

_MOST_SHOWN = 10
"""Samples per task and model that are shown: a comment on GitHub holds 65,536
characters."""
_LONGEST = 300
_HEAD = ("task", "model", "metric", "value", "95% interval", "n", "miss", "err", "cost")
_STATES = {"passed": "✅", "failed": "❌", "inconclusive": "❔", "error": "💥"}


def render_markdown(
    report: Report,
    tables: Iterable[TaskSamples],
    beside: SideBySide | None = None,
) -> Iterator[str]:
    """Yield gates, the table, models, judges, and the first samples that went wrong.

    Args:
        report: of the run.
        tables: of each task and model.
        beside: models side by side, where there are several.
    """
    hide = redactor()
    yield f"### llmlab: run {span(report.run_id)}\n\n"
    yield from _verdicts(report)
    rows = sorted(report.rows, key=lambda row: (row.plan.task, row.plan.model))
    yield markdown_table(
        _HEAD, [cells for row in rows for cells in _cells(row)], names=3
    )
    if beside is not None:
        yield from side_summary(beside)
    if report.coverage:
        yield markdown_table(COVERAGE_HEAD, coverage_cells(report.coverage), names=1)
    head, lines = judge_cells(report)
    if lines:
        yield markdown_table(head, lines, names=head.index("value"))
        yield from (f"{escaped(line)}\n" for line in as_people_rate(report))
    for table in tables:
        yield from _wrong(table, hide)


def _verdicts(report: Report) -> Iterator[str]:
    for verdict in report.verdicts:
        place = f"{verdict.task} on {verdict.model}: {verdict.gate}"
        sign = _STATES[verdict.state]
        reason = escaped(verdict.reason)
        yield f"- {sign} **{verdict.state}** {span(place)}: {reason}\n"
    if report.verdicts:
        yield "\n"


def _cells(row: TaskRow) -> Iterator[list[str]]:
    metrics = row.metrics or (Metric(name=_format.ABSENT, value=None, n=0),)
    for index, metric in enumerate(metrics):
        is_first = index == 0
        yield [
            row.plan.task if is_first else "",
            row.plan.model if is_first else "",
            metric.name,
            _format.score(metric.value),
            _format.interval(metric),
            _format.samples(row, metric) if is_first else "",
            _format.count(row.misses) if is_first else "",
            _format.count(row.errors) if is_first else "",
            _format.money(row.cost_usd) if is_first else "",
        ]


def _wrong(table: TaskSamples, hide: Hide) -> Iterator[str]:
    """Yield the first samples that are misses or errors, folded."""
    plan = table.row.plan
    wrong = (r for r in table.records if r.result.outcome in ("miss", "error"))
    shown = list(islice(wrong, _MOST_SHOWN + 1))
    if not shown:
        return
    many = f"the first {_MOST_SHOWN}" if len(shown) > _MOST_SHOWN else f"{len(shown)}"
    title = f"{html_code(plan.task)} on {html_code(plan.model)}"
    yield f"<details><summary>{title}: {many} that went wrong</summary>\n\n"
    for record in shown[:_MOST_SHOWN]:
        yield from _sample(record, hide)
    yield "</details>\n\n"


def _sample(record: SampleRecord, hide: Hide) -> Iterator[str]:
    result = record.result
    yield f"**{span(result.sample_id)}** {result.outcome}\n\n"
    asked, completion = asked_of(record.request), record.completion
    parts = [
        ("prompt", "" if asked.prompt is None else prompt_text(asked.prompt)),
        ("target", target_text(record)),
        ("answer", "" if completion is None else answer_text(completion)),
        ("error", result.error or ""),
        ("why", (result.scores[0].explanation or "") if result.scores else ""),
    ]
    for name, text in parts:
        if text:
            told = escape_control(hide(shorten(text, _LONGEST)))
            yield f"{name}:\n{block(told)}\n"
