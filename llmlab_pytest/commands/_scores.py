"""Scores over time, as `llmlab history --scores` shows them."""

import json
from collections.abc import Mapping, Sequence

from llmlab_pytest.commands._csv import csv_lines
from llmlab_pytest.comparing import Compared
from llmlab_pytest.core import Json, shorten
from llmlab_pytest.history import Point, Series, is_find
from llmlab_pytest.reporting import LOWER_IS_BETTER, aligned, score

_WIDTH = 40
_HEAD = ("began", "run", "metric", "value", "95% interval", "n", "err", "difference")
_MINUTES = 16


def score_lines(
    series: Sequence[Series], *, as_json: bool, as_csv: bool
) -> tuple[list[str], bool]:
    """Return what is printed, and whether the latest run of any series changed."""
    is_changed = any(_latest_changes(each) for each in series)
    if not (as_json or as_csv):
        return _text(series), is_changed
    rows = [_fields(each, point) for each in series for point in each.points]
    if as_json:
        return [json.dumps(rows)], is_changed
    head = list(rows[0]) if rows else []
    return csv_lines([head, *(list(row.values()) for row in rows)]), is_changed


def _latest_changes(each: Series) -> bool:
    drift = each.since_first
    return each.points[-1].is_changed or (drift is not None and is_find(drift))


def _text(series: Sequence[Series]) -> list[str]:
    if not series:
        return ["no finished run, or none that is chosen"]
    lines = []
    for each in series:
        lines.append(f"{shorten(each.task, _WIDTH)} on {shorten(each.model, _WIDTH)}")
        cells = [[*_HEAD, "p (Holm)", ""]]
        cells += [_cells(point) for point in each.points]
        lines += [f"  {line}" for line in aligned(cells, "<<<>>>>>><")]
        if (drift := each.since_first) is not None and is_find(drift):
            first = shorten(each.points[0].run_id, _WIDTH)
            lines.append(f"  {_change(drift)} than {first}, the first of these")
        lines.append("")
    lines.append("p (Holm): corrected for all steps, and the last against the first")
    return lines


def _cells(point: Point) -> list[str]:
    metric, ends = point.metric, point.metric.interval
    step = point.since_last
    value = step.found.value if step else None
    p = step.corrected_p if step else None
    return [
        point.started_at[:_MINUTES].replace("T", " "),
        shorten(point.run_id, _WIDTH),
        metric.name,
        score(metric.value),
        f"[{score(ends.low)}, {score(ends.high)}]" if ends else "-",
        f"{metric.n}",
        f"{point.errors}",
        "-" if value is None else f"{value:+.3f}",
        "-" if p is None else f"{p:.4f}",
        _change(step) if step and point.is_changed else "",
    ]


def _change(step: Compared) -> str:
    """Return in which direction a run differs."""
    is_higher = (step.found.value or 0.0) > 0
    is_better = is_higher != (step.found.metric in LOWER_IS_BETTER)
    return (
        f"{'higher' if is_higher else 'lower'} ({'better' if is_better else 'worse'})"
    )


def _fields(each: Series, point: Point) -> Mapping[str, Json]:
    metric, ends, step = point.metric, point.metric.interval, point.since_last
    return {
        "task": each.task,
        "model": each.model,
        "run_id": point.run_id,
        "started_at": point.started_at,
        "metric": metric.name,
        "value": metric.value,
        "low": ends.low if ends else None,
        "high": ends.high if ends else None,
        "n": metric.n,
        "errors": point.errors,
        "difference": step.found.value if step else None,
        "corrected_p": step.corrected_p if step else None,
        "is_changed": point.is_changed,
    }
