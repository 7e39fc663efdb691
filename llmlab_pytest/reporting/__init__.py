"""Renderers: records become text. They compute no result and write nothing.

Samples are read back, too: those that a comparison needs.
"""

from llmlab_pytest.reporting._annotations import Annotation, render_annotations
from llmlab_pytest.reporting._badge import render_badge
from llmlab_pytest.reporting._csv import render_csv
from llmlab_pytest.reporting._direction import LOWER_IS_BETTER
from llmlab_pytest.reporting._flaky import flaky_lines
from llmlab_pytest.reporting._forecasts import render_estimate, render_estimate_line
from llmlab_pytest.reporting._format import (
    interval,
    money,
    p_value,
    score,
    seconds,
    tokens,
)
from llmlab_pytest.reporting._grid import aligned
from llmlab_pytest.reporting._harness import NamedText, render_harness
from llmlab_pytest.reporting._inspect import render_inspect
from llmlab_pytest.reporting._json import render_json, render_side_json
from llmlab_pytest.reporting._jsonl import render_jsonl
from llmlab_pytest.reporting._markdown import render_markdown
from llmlab_pytest.reporting._markdown_text import (
    block,
    escaped,
    html_code,
    markdown_table,
    span,
)
from llmlab_pytest.reporting._page import render_page, render_side_page
from llmlab_pytest.reporting._page_samples import SampleTexts
from llmlab_pytest.reporting._page_tables import (
    NUMBER_COLUMNS,
    engines_of,
    factors_of,
    judges_of,
    lines_of,
    moved_of,
    when,
)
from llmlab_pytest.reporting._read_jsonl import (
    ReadResult,
    Told,
    read_jsonl,
    read_told,
    told_of,
)
from llmlab_pytest.reporting._samples import Before, TaskSamples
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
from llmlab_pytest.reporting._side_lines import render_side_by_side, render_side_summary
from llmlab_pytest.reporting._side_markdown import render_side_markdown
from llmlab_pytest.reporting._side_tables import dollars
from llmlab_pytest.reporting._terminal import render_terminal
from llmlab_pytest.reporting._words import marked, pieces_of

__all__ = [
    "LOWER_IS_BETTER",
    "NUMBER_COLUMNS",
    "Advice",
    "Annotation",
    "Before",
    "Cascade",
    "Consistency",
    "Match",
    "NamedText",
    "ReadResult",
    "RightTogether",
    "SampleTexts",
    "Separating",
    "SideBySide",
    "Standing",
    "TaskSamples",
    "TaskSide",
    "Told",
    "Win",
    "aligned",
    "block",
    "dollars",
    "engines_of",
    "escaped",
    "factors_of",
    "flaky_lines",
    "html_code",
    "interval",
    "judges_of",
    "lines_of",
    "markdown_table",
    "marked",
    "money",
    "moved_of",
    "p_value",
    "pieces_of",
    "read_jsonl",
    "read_told",
    "render_annotations",
    "render_badge",
    "render_csv",
    "render_estimate",
    "render_estimate_line",
    "render_harness",
    "render_inspect",
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
    "span",
    "tokens",
    "told_of",
    "when",
]
