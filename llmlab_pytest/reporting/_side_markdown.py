"""Models side by side, as Markdown."""

from collections.abc import Iterator

from llmlab_pytest.reporting._markdown_text import escaped, markdown_table, span
from llmlab_pytest.reporting._side_by_side import SideBySide, TaskSide
from llmlab_pytest.reporting._side_tables import (
    Table,
    shown_tasks,
    side_notes,
    side_sentences,
    side_tables,
    side_title,
    sides_of_all,
)


def render_side_markdown(found: SideBySide) -> Iterator[str]:
    """Yield everything, task by task, then over tasks."""
    yield "### llmlab: models side by side\n\n"
    for task in sides_of_all(found):
        yield from _task(task, side_tables(task))
    yield from (f"- {escaped(note)}\n" for note in side_notes(found))


def side_summary(found: SideBySide) -> Iterator[str]:
    """Yield quality against cost and latency, and what samples say, for a report."""
    for task in shown_tasks(found):
        yield from _task(task, side_tables(task)[:2])


def _task(task: TaskSide, tables: list[Table]) -> Iterator[str]:
    yield f"#### Side by side: {span(side_title(task))}\n\n"
    for table in tables:
        yield f"{escaped(table.title)}\n\n"
        yield markdown_table(table.head, table.lines, names=table.names)
        if table.note:
            yield f"{escaped(table.note)}\n\n"
    yield from (f"- {escaped(line)}\n" for line in side_sentences(task))
    yield "\n"
