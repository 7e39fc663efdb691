"""The result page: one HTML file that needs nothing else and trusts nothing in it.

Text of a run is escaped by Jinja, or stands in JSON blocks that the page's own script
shows as text. A policy in the page allows that script and style by their hashes and
nothing else: no other script, no request, no form. Only the samples on screen are
elements of the document, so that 14,000 of them open quickly.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from llmlab_pytest.core import Report, redactor
from llmlab_pytest.reporting._coverage import COVERAGE_HEAD, coverage_cells
from llmlab_pytest.reporting._flaky import flaky_lines
from llmlab_pytest.reporting._page_samples import SampleTexts, answers_before
from llmlab_pytest.reporting._page_tables import (
    NUMBER_COLUMNS,
    chart_of,
    engines_of,
    factors_of,
    judges_of,
    lines_of,
    moved_of,
    part_of,
    shown,
    when,
)
from llmlab_pytest.reporting._samples import TaskSamples
from llmlab_pytest.reporting._scatter import HEIGHT
from llmlab_pytest.reporting._side_by_side import SideBySide
from llmlab_pytest.reporting._side_page import page_sides

_FOLDER = Path(__file__).with_name("page")
_PART = 100
"""Samples per JSON block; a block is parsed when one of its samples is opened."""
_SCRIPT_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def render_page(
    report: Report,
    tables: Iterable[TaskSamples],
    beside: SideBySide | None = None,
) -> Iterator[str]:
    """Yield the page in parts: what is known of the run, then samples as they are read.

    Args:
        report: of the run, finished or not.
        tables: of each task and model.
        beside: models side by side, where there are several.
    """
    kept = list(tables)
    style, script = _asset("page.css"), _asset("page.js")
    yield from _template("page.html.j2").generate(
        title=f"llmlab run {shown(report.run_id)}",
        when=when(report),
        number_columns=NUMBER_COLUMNS,
        lines=lines_of(report),
        chart=chart_of(report),
        flaky=[shown(line) for line in flaky_lines(report)],
        engines=engines_of(report),
        judges=judges_of(report),
        beside=None if beside is None else page_sides(beside),
        chart_height=HEIGHT,
        ticks=(0, 25, 50, 75, 100),
        moved=moved_of(report),
        verdicts=report.verdicts,
        coverage_head=COVERAGE_HEAD,
        coverage=coverage_cells(report.coverage),
        parts=[part_of(table) for table in kept if table.strata],
        factors=factors_of(report),
        data=_data(kept),
        style=_unescaped(style),
        script=_unescaped(script),
        style_hash=_source_hash(style),
        script_hash=_source_hash(script),
    )


def render_side_page(found: SideBySide, *, title: str) -> Iterator[str]:
    """Yield a page of models side by side, without samples and scripts.

    Args:
        found: what is shown.
        title: of the page.
    """
    style = _asset("page.css")
    yield from _template("compare.html.j2").generate(
        title=shown(title),
        beside=page_sides(found),
        chart_height=HEIGHT,
        style=_unescaped(style),
        style_hash=_source_hash(style),
    )


@cache
def _template(name: str) -> Any:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["shown"] = shown
    environment.filters["breakable"] = breakable
    return environment.get_template(name)


def breakable(text: str) -> Markup:
    """Return text, escaped, whose names may be broken after an underscore."""
    return Markup("_<wbr>").join(map(escape, text.split("_")))


@cache
def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _source_hash(text: str) -> Markup:
    """Return how a Content-Security-Policy names an inline script or style."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup("'sha256-{}'").format(digest)


def _unescaped(text: str) -> Markup:
    """Mark our own files, and JSON without < > &, as nothing to escape."""
    return Markup(text)  # noqa: S704 -- says its docstring


def _data(tables: Iterable[TaskSamples]) -> Iterator[Markup]:
    """Yield the JSON blocks: details in parts, then the index of all samples."""
    index, texts = [], SampleTexts(redactor())
    for number, table in enumerate(tables):
        plan, rows, details = table.row.plan, [], []
        before = table.before() if table.before else None
        answered = answers_before(before)
        for record in table.records:
            rows.append(texts.entry(record))
            details.append(texts.detail(record, answered(record)))
            if len(details) == _PART:
                yield _block(f"part-{number}-{(len(rows) - 1) // _PART}", details)
                details = []
        if details:
            yield _block(f"part-{number}-{len(rows) // _PART}", details)
        index.append(
            {
                "task": shown(plan.task),
                "model": shown(plan.model),
                "before": before and shown(before.name),
                "epochs": plan.epochs,
                "part": _PART,
                "rows": rows,
            }
        )
    yield _block("index", index)


def _block(name: str, content: Any) -> Markup:
    """Return a block that no browser runs, and that no text in it can end."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    for char, escaped in _SCRIPT_UNSAFE.items():
        text = text.replace(char, escaped)
    return Markup('<script type="application/json" id="{}">{}</script>\n').format(
        name, _unescaped(text)
    )
