"""Samples that are right in one epoch and wrong in another, as one line per task."""

from llmlab_pytest.core import Report, TaskRow, escape_control, shorten

_MOST_IDS = 8
_ID_WIDTH = 24


def flaky_lines(report: Report) -> list[str]:
    """Return a line for each task and model with samples whose epochs disagree."""
    rows = sorted(report.rows, key=lambda row: (row.plan.task, row.plan.model))
    return [_line(row) for row in rows if row.flaky]


def _line(row: TaskRow) -> str:
    plan, ids = row.plan, row.flaky
    samples = -(-plan.planned // plan.epochs)
    named = ", ".join(
        escape_control(shorten(name, _ID_WIDTH)) for name in ids[:_MOST_IDS]
    )
    more = ", …" if len(ids) > _MOST_IDS else ""
    return (
        f"flaky: {len(ids)} of {samples} samples of {plan.task} on {plan.model}, "
        f"whose epochs disagree: {named}{more}"
    )
