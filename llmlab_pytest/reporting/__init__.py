"""Renderers: records become text. They compute no result and write nothing.

Samples are read back, too: those that a comparison needs.
"""

from llmlab_pytest.reporting._annotations import Annotation, render_annotations
from llmlab_pytest.reporting._badge import render_badge
from llmlab_pytest.reporting._csv import render_csv
from llmlab_pytest.reporting._direction import LOWER_IS_BETTER
from llmlab_pytest.reporting._forecasts import (
    render_estimate,
    render_estimate_line,
)
from llmlab_pytest.reporting._format import money, score, seconds
from llmlab_pytest.reporting._grid import aligned
from llmlab_pytest.reporting._harness import render_harness
from llmlab_pytest.reporting._json import render_json
from llmlab_pytest.reporting._jsonl import render_jsonl
from llmlab_pytest.reporting._markdown import render_markdown
from llmlab_pytest.reporting._markdown_text import (
    block,
    escaped,
    html_code,
    markdown_table,
    span,
)
from llmlab_pytest.reporting._page import render_page
from llmlab_pytest.reporting._parquet import render_parquet
from llmlab_pytest.reporting._read_jsonl import (
    ReadResult,
    Told,
    read_jsonl,
    read_told,
    told_of,
)
from llmlab_pytest.reporting._samples import TaskSamples
from llmlab_pytest.reporting._terminal import render_terminal
from llmlab_pytest.reporting._words import marked

__all__ = [
    "LOWER_IS_BETTER",
    "Annotation",
    "ReadResult",
    "TaskSamples",
    "Told",
    "aligned",
    "block",
    "escaped",
    "html_code",
    "markdown_table",
    "marked",
    "money",
    "read_jsonl",
    "read_told",
    "render_annotations",
    "render_badge",
    "render_csv",
    "render_estimate",
    "render_estimate_line",
    "render_harness",
    "render_json",
    "render_jsonl",
    "render_markdown",
    "render_page",
    "render_parquet",
    "render_terminal",
    "score",
    "seconds",
    "span",
    "told_of",
]
