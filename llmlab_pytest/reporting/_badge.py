"""A badge: one look at whether a run's gates passed, or at its score.

An SVG of our own that loads nothing, or the JSON from which shields.io draws one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from llmlab_pytest.core import Report, TaskRow, VerdictState, escape_control
from llmlab_pytest.reporting import _format

_SUBJECT = "evals"
_GOOD, _BAD, _OPEN, _NEUTRAL = "#2e7d32", "#c62828", "#9a6700", "#57606a"
_TROUBLES: Mapping[VerdictState, str] = {
    "failed": _BAD,
    "error": _BAD,
    "inconclusive": _OPEN,
}
"""The most serious first."""
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{told}">
<title>{told}</title>
<rect width="{width}" height="20" rx="3" fill="{color}"/>
<rect width="{left}" height="20" rx="3" fill="#3b3f46"/>
<rect x="{square_at}" width="3" height="20" fill="#3b3f46"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
<text x="6" y="14" textLength="{left_text}">{subject}</text>
<text x="{right_at}" y="14" textLength="{right_text}">{message}</text>
</g>
</svg>
"""
_NARROW, _WIDE = "fijlrt.,:;|!'()[] ", "mwMW%@"
_PADDING = 6


class _Badge(NamedTuple):
    message: str
    color: str


def render_badge(report: Report, *, is_json: bool) -> Iterator[str]:
    """Yield the badge of a run as SVG, or as shields.io's endpoint JSON.

    It says, by what there is: errors, gates, the value of the first metric.
    """
    badge = _badge(report)
    message = escape_control(badge.message)
    if is_json:
        content = {"schemaVersion": 1, "label": _SUBJECT, "message": message}
        yield json.dumps(content | {"color": badge.color}) + "\n"
        return
    left_text, right_text = _width(_SUBJECT), _width(message)
    left, right = left_text + 2 * _PADDING, right_text + 2 * _PADDING
    yield _SVG.format(
        width=left + right,
        left=left,
        square_at=left - 3,
        left_text=left_text,
        right_text=right_text,
        right_at=left + _PADDING,
        color=badge.color,
        subject=_SUBJECT,
        message=escape(message),
        told=escape(f"{_SUBJECT}: {message}"),
    )


def _badge(report: Report) -> _Badge:
    if report.finished_at is None:
        return _Badge("not finished", _NEUTRAL)
    states = [verdict.state for verdict in report.verdicts]
    errors = sum(row.errors for row in report.rows)
    if errors:
        return _Badge(f"{errors} error{'' if errors == 1 else 's'}", _BAD)
    for state, color in _TROUBLES.items():
        if count := states.count(state):
            return _Badge(f"{count} of {len(states)} gates {state}", color)
    if states:
        noun = "gate" if len(states) == 1 else "gates"
        return _Badge(f"{len(states)} {noun} passed", _GOOD)
    return _Badge(_scores(report.rows), _NEUTRAL)


def _scores(rows: Sequence[TaskRow]) -> str:
    """Return the first metric; of several rows its range, if it is the same one."""
    first = [row.metrics[0] for row in rows if row.metrics]
    names = {metric.name for metric in first}
    values = [metric.value for metric in first if metric.value is not None]
    if len(names) != 1 or not values:
        return f"{len(rows)} results"
    low, high = (_format.score(end) for end in (min(values), max(values)))
    return f"{names.pop()} {low}" + (f" to {high}" if high != low else "")


def _width(text: str) -> int:
    """Return about how many pixels Verdana takes; the text is then set to just that."""
    tenths = sum(40 if c in _NARROW else 105 if c in _WIDE else 70 for c in text)
    return max(1, round(tenths / 10))
