"""The final report for machines."""

import json
from dataclasses import asdict, replace
from typing import Any

from llmlab_pytest.core import Report
from llmlab_pytest.reporting._side_by_side import SideBySide


def render_json(report: Report, beside: SideBySide | None = None) -> str:
    """Return the report as JSON: fields in the order of the records, two spaces.

    Rows are ordered by task and model, so that two runs can be compared line by line.

    Args:
        report: of the run.
        beside: models side by side, where there are several; then the last key.
    """
    rows = sorted(report.rows, key=lambda row: (row.plan.task, row.plan.model))
    content = asdict(replace(report, rows=tuple(rows)))
    if beside is not None:
        content["side_by_side"] = asdict(beside)
    return _text(content)


def render_side_json(found: SideBySide) -> str:
    """Return models side by side as JSON."""
    return _text(asdict(found))


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
