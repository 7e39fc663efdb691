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
from llmlab_pytest.reporting._harness import NamedText, render_harness
from llmlab_pytest.reporting._inspect import render_inspect
from llmlab_pytest.reporting._json import render_json
from llmlab_pytest.reporting._jsonl import render_jsonl
from llmlab_pytest.reporting._markdown import render_markdown
from llmlab_pytest.reporting._page import render_page
from llmlab_pytest.reporting._read_jsonl import ReadResult, read_jsonl
from llmlab_pytest.reporting._samples import TaskSamples
from llmlab_pytest.reporting._terminal import render_terminal

__all__ = [
    "NamedText",
    "ReadResult",
    "TaskSamples",
    "aligned",
    "money",
    "read_jsonl",
    "render_csv",
    "render_estimate",
    "render_estimate_line",
    "render_harness",
    "render_inspect",
    "render_json",
    "render_jsonl",
    "render_markdown",
    "render_page",
    "render_terminal",
    "score",
    "seconds",
]
