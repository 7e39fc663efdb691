"""Renderers: records become text. They compute no result and write nothing.

Samples are read back, too: those that a comparison needs.
"""

from llmlab_pytest.reporting._csv import render_csv
from llmlab_pytest.reporting._forecasts import (
    render_estimate,
    render_estimate_line,
)
from llmlab_pytest.reporting._format import money, score, seconds
from llmlab_pytest.reporting._grid import aligned
from llmlab_pytest.reporting._harness import render_harness
from llmlab_pytest.reporting._json import render_json, render_side_json
from llmlab_pytest.reporting._jsonl import render_jsonl
from llmlab_pytest.reporting._markdown import render_markdown
from llmlab_pytest.reporting._page import render_page, render_side_page
from llmlab_pytest.reporting._read_jsonl import ReadResult, read_jsonl
from llmlab_pytest.reporting._samples import TaskSamples
from llmlab_pytest.reporting._side_by_side import (
    Advice,
    Cascade,
    Consistency,
    Match,
    RightTogether,
    Separating,
    SideBySide,
    Standing,
    TaskSide,
    Win,
)
from llmlab_pytest.reporting._side_lines import (
    render_side_by_side,
    render_side_summary,
)
from llmlab_pytest.reporting._side_markdown import render_side_markdown
from llmlab_pytest.reporting._side_tables import dollars
from llmlab_pytest.reporting._terminal import render_terminal

__all__ = [
    "Advice",
    "Cascade",
    "Consistency",
    "Match",
    "ReadResult",
    "RightTogether",
    "Separating",
    "SideBySide",
    "Standing",
    "TaskSamples",
    "TaskSide",
    "Win",
    "aligned",
    "dollars",
    "money",
    "read_jsonl",
    "render_csv",
    "render_estimate",
    "render_estimate_line",
    "render_harness",
    "render_json",
    "render_jsonl",
    "render_markdown",
    "render_page",
    "render_side_by_side",
    "render_side_json",
    "render_side_markdown",
    "render_side_page",
    "render_side_summary",
    "render_terminal",
    "score",
    "seconds",
]
