"""`--llmlab-sequential`: samples in random order, until a task's gates are decided.

Each process looks by itself, at what all have stored, when ten of its samples have
begun and whenever a tenth more have. All find the same: what counts is the beginning of
one order, and the first place in it where every gate is decided.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import pytest

from llmlab_pytest.collecting._gate_item import GateItem
from llmlab_pytest.collecting._groups import case_of, group_of
from llmlab_pytest.core import SampleResult
from llmlab_pytest.gates import Gate, decided_after, in_order, parse_gate
from llmlab_pytest.session import Case, Group, LlmlabSession, stop_factor

_FIRST_LOOK = 10
_GROWTH = 1.1


@dataclass(slots=True)
class _Standing:
    """What this process knows of a task on a model."""

    gates: list[Gate] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)
    """How many items each sample has."""
    order: list[str] = field(default_factory=list)
    """Of the samples, once it is known."""
    begun: int = 0
    next_look: float = _FIRST_LOOK
    stopped_after: int | None = None

    @property
    def may_stop(self) -> bool:
        """Whether looking is of any use."""
        return bool(self.gates) and self.stopped_after is None


class SequentialPlugin:
    """Orders the samples of tasks with gates, and skips those that decide nothing.

    Args:
        llmlab: of this process.
    """

    def __init__(self, llmlab: LlmlabSession) -> None:
        self._llmlab = llmlab
        self._seed = str(llmlab.settings.seed)
        self._standings: dict[Group, _Standing] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Bring the samples of each task with gates into the order of the seed."""
        judged = {item.group for item in items if isinstance(item, GateItem)}
        groups: dict[Group, list[tuple[int, pytest.Item, Case]]] = {}
        for place, item in enumerate(items):
            case = case_of(item)
            if case is None or case.planned.task.cluster is not None:
                continue
            if (group := group_of(item, case)) in judged:
                groups.setdefault(group, []).append((place, item, case))
        for members in groups.values():
            order = in_order((case.sample.id for *_, case in members), self._seed)
            rank = {name: number for number, name in enumerate(order)}
            ordered = sorted(members, key=lambda m: (rank[m[2].sample.id], m[2].epoch))
            for (place, *_), (_, item, _) in zip(members, ordered, strict=True):
                items[place] = item

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what was selected, and which gates judge it.

        Before a worker of xdist drops the gates, which the controller runs.
        """
        standings = self._standings
        for item in session.items:
            if isinstance(item, GateItem):
                gate = parse_gate(item.gate, where=item.nodeid)
                standings.setdefault(item.group, _Standing()).gates.append(gate)
            case = case_of(item)
            if case is not None and case.planned.task.cluster is None:
                group = group_of(item, case)
                epochs = standings.setdefault(group, _Standing()).epochs
                epochs[case.sample.id] = epochs.get(case.sample.id, 0) + 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a sample of a task whose gates are decided."""
        case = case_of(item)
        group = None if case is None else group_of(item, case)
        standing = None if group is None else self._standings.get(group)
        if group is None or standing is None:
            return
        if standing.may_stop and standing.begun >= standing.next_look:
            standing.next_look = standing.begun * _GROWTH
            self._look(group, standing)
        standing.begun += 1
        if standing.stopped_after is not None:
            pytest.skip(f"decided after {standing.stopped_after} samples")

    def _look(self, group: Group, standing: _Standing) -> None:
        """Note, for all processes, whether the results that are there decide."""
        store, run_id = self._llmlab.store, self._llmlab.run_id
        results = store.results(run_id, task=group.task, model=group.model)
        standing.order = standing.order or in_order(standing.epochs, self._seed)
        first = _beginning(results, standing)
        metrics = self._llmlab.registries.metrics
        found = decided_after(standing.gates, first, metrics, self._seed)
        if found is not None:
            standing.stopped_after = found
            factor = stop_factor(group.task, group.model)
            store.add_factors(run_id, {factor: str(found)})


def _beginning(
    results: Sequence[SampleResult], standing: _Standing
) -> list[SampleResult]:
    """Return the results of the longest beginning of the order that is complete."""
    by_sample: dict[str, list[SampleResult]] = {}
    for result in results:
        by_sample.setdefault(result.sample_id, []).append(result)
    complete: Iterable[str] = takewhile(
        lambda name: len(by_sample.get(name, ())) >= standing.epochs[name],
        standing.order,
    )
    return [result for name in complete for result in by_sample[name]]
