"""Which sample items are judged together, and what their ids have in common."""

import pytest

from llmlab_pytest.session import Case, Group

CASE_FIXTURE = "_llmlab_case"


def case_of(item: pytest.Item) -> Case | None:
    """Return the case of a sample item, `None` for any other item."""
    own = getattr(item, "case", None)
    if isinstance(own, Case):
        return own
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get(CASE_FIXTURE) if callspec else None
    return case if isinstance(case, Case) else None


def group_of(item: pytest.Item, case: Case) -> Group:
    """Name the group of an item: its task and its model.

    A test may be parametrised once more, by its own `parametrize` or by a fixture. Each
    variant then judges the same completions in its own way, and is a group of its own.
    """
    task = case.planned.task.name
    variant = _variant(item, case)
    return Group(f"{task}[{variant}]" if variant else task, case.spec.alias)


def base_of(item: pytest.Item, case: Case) -> str:
    """Return what the ids of a group have in common; the ids of its gates extend it."""
    common = case.spec.alias.join(item.name.rsplit(case.id, maxsplit=1))
    stem = item.nodeid[: item.nodeid.rindex(item.name)]
    return stem + common.removesuffix("]")


def plain_nodeid(item: pytest.Item) -> str:
    """Return the node id without the `@group` that `--dist loadgroup` appends."""
    end = item.nodeid.rfind(item.name) + len(item.name)
    return item.nodeid[:end]


def _variant(item: pytest.Item, case: Case) -> str:
    """Return the part of a test's id that comes from other parameters."""
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return ""
    for own in (f"{case.planned.task.name}-{case.id}", case.id):
        before, found, after = callspec.id.rpartition(own)
        if found:
            return "-".join(part for part in (before[:-1], after[1:]) if part)
    return ""
