"""From the collected items to plans: what is judged together, what is asked next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from llmlab_pytest.collecting._covers_mark import marked_covers
from llmlab_pytest.collecting._gate_item import GateItem
from llmlab_pytest.collecting._groups import base_of, case_of, group_of, plain_nodeid
from llmlab_pytest.collecting._limit_marks import marked_gates
from llmlab_pytest.collecting._outcomes import TESTS, behaviour_task, is_behaviour
from llmlab_pytest.collecting._refuse import refuse
from llmlab_pytest.core import ConfigError, TaskPlan, canonical_json
from llmlab_pytest.covering import COVERS, TESTS_COVER, cover
from llmlab_pytest.session import SEQUENTIAL, Case, Group, LlmlabSession
from llmlab_pytest.tasks import CLUSTER, PROMPTS_OF, Task, chat_mode_on


def add_gates(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Append the gates of all collected groups, before anything is deselected.

    Items of a second task with a name that is taken are refused and removed.
    """
    bases: dict[Group, str] = {}
    clashes: dict[str, ConfigError] = {}
    gates: dict[Group, tuple[str, ...]] = {}
    kept: list[pytest.Item] = []
    for item in items:
        if (case := case_of(item)) is not None:
            group, base = group_of(item, case), base_of(item, case)
            if bases.setdefault(group, base) != base:
                clashes[base] = _same_name(group.task, bases[group], base)
                continue
            gates[group] = (*case.planned.task.gates, *marked_gates(item))
        elif is_behaviour(item) and (marked := marked_gates(item)):
            group = behaviour_group(item)
            bases[group] = behaviour_base(group)
            earlier = gates.get(group, ())
            gates[group] = tuple(dict.fromkeys((*earlier, *marked)))
        kept.append(item)
    items[:] = kept + [
        GateItem.build(session, base=bases[group], group=group, gate=gate)
        for group, texts in gates.items()
        for gate in texts
    ]
    for base, clash in clashes.items():
        refuse(session, clash, nodeid=base.partition("::")[0])


def behaviour_group(item: pytest.Item) -> Group:
    """Name what the behaviour tests of one file on one model are judged as."""
    alias = item.callspec.params["llm"].alias  # type: ignore[attr-defined] # checked by is_behaviour
    return Group(behaviour_task(item), alias)


def behaviour_base(group: Group) -> str:
    """Return what the ids of the gates on a file's behaviour tests begin with."""
    return f"{group.task}.py::behaviour[{group.model}"


def _same_name(task: str, first: str, second: str) -> ConfigError:
    return ConfigError(
        f"Two tests call their task {task!r}: {first}…] and {second}…].",
        allowed="Results are kept by task name, so each needs its own.",
        fix='Rename one: @llm_task(..., name="another_name").',
    )


@dataclass(slots=True)
class _Draft:
    """A plan while it is counted."""

    base: str
    planned: int = 0
    case: Case | None = None
    gates: list[str] = field(default_factory=list)
    covers: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """What marks say that items cover; of behaviour tests, by the sample's id."""


def plans_of(items: Iterable[pytest.Item], llmlab: LlmlabSession) -> list[TaskPlan]:
    """Summarise the selected items: one plan per task and model."""
    drafts: dict[Group, _Draft] = {}
    for item in items:
        if (case := case_of(item)) is not None:
            group = group_of(item, case)
            draft = drafts.setdefault(group, _Draft(base_of(item, case), case=case))
            draft.planned += 1
            draft.covers = draft.covers or {"": marked_covers(item)}
        elif isinstance(item, GateItem):
            base = item.nodeid.partition("-gate ")[0]
            drafts.setdefault(item.group, _Draft(base)).gates.append(item.gate)
        elif is_behaviour(item) and item.get_closest_marker("skip") is None:
            group = behaviour_group(item)
            draft = drafts.setdefault(group, _Draft(behaviour_base(group)))
            draft.planned += 1
            if covers := marked_covers(item):
                draft.covers[plain_nodeid(item).partition("::")[2]] = covers
    return [_plan(group, draft, llmlab) for group, draft in drafts.items()]


def _plan(group: Group, draft: _Draft, llmlab: LlmlabSession) -> TaskPlan:
    factors = {"base": draft.base}
    metrics: tuple[str, ...]
    if draft.case is None:
        available, metrics, epochs = draft.planned, (TESTS,), 1
        if draft.covers:
            factors[TESTS_COVER] = canonical_json(draft.covers)
    else:
        planned, task = draft.case.planned, draft.case.planned.task
        spec = draft.case.spec
        available = planned.available * task.epochs
        metrics, epochs = task.metrics, task.epochs
        factors |= {
            "task_version": task.version,
            "task_hash": task.hash,
            "prompt_hash": task.prompt_hash,
            "data_hash": planned.data_hash,
            "data_source": task.source,
            "definition": canonical_json(task.definition),
            "compat": task.mode,
            "shots": str(task.shots),
            "chat": chat_mode_on(task, spec.capabilities),
            "model": spec.fingerprint,
            "seed": str(llmlab.settings.seed),
        }
        if covers := cover(task.covers, draft.covers.get("", {})):
            factors[COVERS] = canonical_json(covers)
        if task.group is not None:
            factors["group"] = task.group
        if task.cluster is not None:
            factors[CLUSTER] = task.cluster
        if llmlab.settings.is_sequential and task.cluster is None and draft.gates:
            factors[SEQUENTIAL] = str(llmlab.settings.seed)
        factors |= _siblings(task)
    return TaskPlan(
        task=group.task,
        model=group.model,
        planned=draft.planned,
        available=available,
        epochs=epochs,
        gates=tuple(draft.gates),
        metrics=metrics,
        factors=factors,
    )


def _siblings(task: Task) -> dict[str, str]:
    """Return what a task is one of several of: settings, or prompts."""
    if task.setting is not None:
        return {
            "explanation": task.setting.explanation,
            "changes": task.setting.changes,
            "place": str(task.setting.place),
        }
    return {} if task.drawn_as is None else {PROMPTS_OF: task.drawn_as}


def cases_of_items(items: Sequence[pytest.Item]) -> list[Case]:
    """Return the cases among `items`, in order: what look-ahead may start."""
    return [case for item in items if (case := case_of(item)) is not None]
