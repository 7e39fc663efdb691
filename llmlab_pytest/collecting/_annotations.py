"""Annotations on GitHub: gates that failed, and tasks whose samples ended in errors.

Failed tests have annotations of their own, by pytest-github-actions-annotate-failures;
a gate is an item of no line, which that plugin cannot place.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmlab_pytest.core import Report, TaskPlan, TaskRow
from llmlab_pytest.reporting import Annotation, render_annotations
from llmlab_pytest.session import LlmlabSession

_BAD = ("failed", "error", "inconclusive")


def show_annotations(
    terminal: pytest.TerminalReporter, llmlab: LlmlabSession, report: Report
) -> None:
    """Print a line per annotation, where GitHub reads the output or it is asked for."""
    mode = llmlab.settings.annotations
    is_read = os.environ.get("GITHUB_ACTIONS") == "true"
    if mode == "off" or (mode == "auto" and not is_read):
        return
    found = [*_of_gates(llmlab, report), *_of_errors(llmlab, report)]
    found.sort(key=lambda each: each.level)
    for line in render_annotations(found):
        terminal.write_line(line)


def _of_gates(llmlab: LlmlabSession, report: Report) -> Iterator[Annotation]:
    plans = {(row.plan.task, row.plan.model): row.plan for row in report.rows}
    may_pass = llmlab.settings.inconclusive == "skip"
    for verdict in report.verdicts:
        if verdict.state not in _BAD:
            continue
        is_soft = verdict.state == "inconclusive" and may_pass
        plan = plans.get((verdict.task, verdict.model))
        yield Annotation(
            "warning" if is_soft else "error",
            f"{verdict.task} on {verdict.model}: gate {verdict.state}",
            f"{verdict.gate}: {verdict.reason}",
            *(_place(llmlab.config, plan) if plan else (None, None)),
        )


def _of_errors(llmlab: LlmlabSession, report: Report) -> Iterator[Annotation]:
    judged = {(v.task, v.model) for v in report.verdicts if v.state == "error"}
    for row in report.rows:
        if row.errors and (row.plan.task, row.plan.model) not in judged:
            yield Annotation(
                "error",
                f"{row.plan.task} on {row.plan.model}: {row.errors} errors",
                _first_error(llmlab, row),
                *_place(llmlab.config, row.plan),
            )


def _first_error(llmlab: LlmlabSession, row: TaskRow) -> str:
    plan = row.plan
    taken = llmlab.store.taken(llmlab.run_id, task=plan.task, model=plan.model)
    first = next((result for result in taken if result.error is not None), None)
    return "" if first is None else f"{first.sample_id}: {first.error}"


def _place(config: pytest.Config, plan: TaskPlan) -> tuple[str | None, int | None]:
    """Return file and line of a card or test, from the root of the repository."""
    name, _, test = plan.factors.get("base", "").partition("::")
    path = config.rootpath / name
    if not name or not path.is_file():
        return None, None
    root = Path(os.environ.get("GITHUB_WORKSPACE") or config.rootpath)
    try:
        shown = path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:  # a rootdir outside the checkout
        shown = name
    return shown, _line(path, test)


def _line(path: Path, test: str) -> int:
    """Return the line of a card's gate, or of a test function; else the first."""
    pattern = re.compile(r"\s*gates?\s*=")
    if path.suffix == ".py":
        function = re.escape(test.rpartition("::")[2].partition("[")[0])
        pattern = re.compile(rf"\s*(async\s+)?def\s+{function}\b")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    numbers = (n for n, line in enumerate(lines, start=1) if pattern.match(line))
    return next(numbers, 1)
