"""Models side by side, as plain lines for a terminal."""

from llmlab_pytest.core import escape_control, shorten
from llmlab_pytest.reporting import _format
from llmlab_pytest.reporting._grid import aligned
from llmlab_pytest.reporting._side_by_side import SideBySide, Standing, TaskSide
from llmlab_pytest.reporting._side_tables import (
    Table,
    dollars,
    frontier_place,
    shown_tasks,
    side_notes,
    side_sentences,
    side_tables,
    side_title,
    sides_of_all,
)

_NAME_WIDTH, _SHORTEST_NAME = 24, 6
_HEAD = ("task", "model", "quality", "$/sample", "$/right", "p50", "for $", "for s")
_ON = (
    "for $, for s: whether no model is as good for less, or in less time; how often so "
    "when samples are drawn anew"
)


def render_side_by_side(found: SideBySide) -> list[str]:
    """Return everything, task by task, then over tasks; pairs stand elsewhere."""
    lines: list[str] = []
    for task in sides_of_all(found):
        lines += [side_title(task)]
        for table in side_tables(task, has_pairs=False):
            lines += ["", *_table(table)]
        lines += ["", *map(escape_control, side_sentences(task)), ""]
    return [*lines[:-1], *map(escape_control, side_notes(found))]


def render_side_summary(found: SideBySide, *, width: int) -> list[str]:
    """Return quality against cost and latency, and which model to take.

    Args:
        found: what is shown.
        width: columns of the terminal; names are shortened to fit them.
    """
    tasks = shown_tasks(found)
    if not tasks:
        return []
    lines: list[str] = []
    for longest in range(_NAME_WIDTH, _SHORTEST_NAME - 1, -1):
        cells = [
            _summary(task, own, longest) for task in tasks for own in task.standings
        ]
        lines = aligned([_HEAD, *cells], "<<>>>>>>")
        if max(map(len, lines)) <= width:
            break
    told = [
        f"{task.task}: {task.advice.reason}"
        for task in tasks
        if task.advice is not None
    ]
    return [*lines, _ON, *map(escape_control, told)]


def _table(table: Table) -> list[str]:
    numbers = len(table.head) - table.names
    aligns = "<" * table.names + ">" * numbers
    lines = [table.title, *aligned([table.head, *table.lines], aligns)]
    return [*lines, table.note] if table.note else lines


def _summary(task: TaskSide, own: Standing, longest: int) -> list[str]:
    return [
        shorten(task.task, longest),
        shorten(own.model, longest),
        _format.score(own.quality),
        dollars(own.cost_usd),
        dollars(own.cost_per_correct_usd),
        _format.seconds(own.latency_p50_s),
        frontier_place(own.cost_frontier_chance, is_on=own.is_on_cost_frontier),
        frontier_place(own.latency_frontier_chance, is_on=own.is_on_latency_frontier),
    ]
