"""Models side by side, as a section of the result page or a page of its own."""

from collections.abc import Sequence
from typing import NamedTuple

from llmlab_pytest.core import escape_control, redact
from llmlab_pytest.reporting._scatter import Scatter, scatters_of
from llmlab_pytest.reporting._side_by_side import SideBySide, TaskSide
from llmlab_pytest.reporting._side_tables import (
    Table,
    side_notes,
    side_sentences,
    side_tables,
    side_title,
    sides_of_all,
)


class PageTask(NamedTuple):
    """One task, as texts and coordinates."""

    title: str
    advice: str
    charts: Sequence[Scatter]
    tables: Sequence[Table]
    told: Sequence[str]


class PageSides(NamedTuple):
    """The section: what is over all tasks first."""

    tasks: Sequence[PageTask]
    notes: Sequence[str]


def page_sides(found: SideBySide) -> PageSides:
    """Return models side by side as a page shows them."""
    tasks = [_page_task(task) for task in sides_of_all(found)]
    if found.overall:
        tasks = [tasks[-1], *tasks[:-1]]
    return PageSides(tasks, [_shown(note) for note in side_notes(found)])


def _page_task(task: TaskSide) -> PageTask:
    told = [_shown(line) for line in side_sentences(task)]
    return PageTask(
        title=_shown(side_title(task)),
        advice=told[0] if task.advice else "",
        charts=scatters_of(task.standings),
        tables=[
            table._replace(
                head=list(map(_shown, table.head)),
                lines=[list(map(_shown, cells)) for cells in table.lines],
            )
            for table in side_tables(task)
        ],
        told=told[1:] if task.advice else told,
    )


def _shown(text: str) -> str:
    """Return text without secrets and control characters; Jinja escapes the rest."""
    return escape_control(redact(text))
