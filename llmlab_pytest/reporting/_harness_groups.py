"""Parts of a task and their groups, as lm-eval 0.4.13's result file has them.

MMLU is one task here and a group of groups of tasks there: `mmlu`, `mmlu_stem`,
`mmlu_anatomy`. The names are built the same way, so that a viewer finds each. Left out:
lm-eval's samples are a file per part, ours one of the whole task.
"""

from collections.abc import Sequence
from typing import NamedTuple

from llmlab_pytest.core import GroupRow, TaskRow


class GroupNames(NamedTuple):
    """The parts of a task below one another, by lm-eval's names."""

    children: dict[str, list[str]]
    """Of the task and of each group, by its name."""
    rows: dict[str, GroupRow]
    """Of each group and part."""


def groups_of(row: TaskRow) -> GroupNames:
    """Return the groups of a task; both empty where it has none."""
    rows = {_name(row, group.path): group for group in row.groups}
    children: dict[str, list[str]] = {}
    for name, group in rows.items():
        children.setdefault(_name(row, group.path[:-1]), []).append(name)
    return GroupNames(children, rows)


def _name(row: TaskRow, path: Sequence[str]) -> str:
    """Return `mmlu_social_sciences` for ("social sciences",), the task's for ()."""
    last = path[-1:]
    return "_".join([row.plan.task, *last]).replace(" ", "_") if last else row.plan.task
