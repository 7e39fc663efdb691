"""The final report for machines."""

import json
from dataclasses import asdict, replace

from llmlab_pytest.core import Report


def render_json(report: Report) -> str:
    """Return the report as JSON: fields in the order of the records, two spaces.

    Rows are ordered by task and model, so that two runs can be compared line by line.
    """
    rows = sorted(report.rows, key=lambda row: (row.plan.task, row.plan.model))
    content = asdict(replace(report, rows=tuple(rows)))
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
