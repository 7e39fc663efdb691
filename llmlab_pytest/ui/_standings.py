"""Models and tasks: what each scored last, and which scores can be compared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llmlab_pytest.core import Metric, TaskPlan, TaskRow, digest_of
from llmlab_pytest.metrics import difference
from llmlab_pytest.reporting import LOWER_IS_BETTER
from llmlab_pytest.stats import holm
from llmlab_pytest.store import RunSummary, Wanted
from llmlab_pytest.tasks import clusters_of
from llmlab_pytest.ui._shelf import Shelf

_LEVEL = 0.05
_SAME = ("task_hash", "shots", "chat", "system")
"""Factors that make the same samples another task."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a model scored in a task, in the latest finished run that asked it."""

    run: RunSummary
    plan: TaskPlan
    row: TaskRow
    key: tuple[str, ...]
    """Equal where the same samples were asked in the same way and scored alike: the
    settings, a digest of the samples, the metric."""
    is_comparable: bool = True
    """Whether its key is that of most models of the task."""
    is_best: bool = False
    """Whether it scores highest, or is not told from that by the paired test."""

    @property
    def metric(self) -> Metric:
        """The first metric."""
        return self.row.metrics[0]


Table = Mapping[str, Mapping[str, Standing]]
"""Standings by task and model."""


def standings_of(shelf: Shelf) -> Table:
    """Return the standing of each model in each task."""
    runs = [run for run in shelf.runs() if run.finished_at is not None]
    return shelf.compared(runs, ("standings",), lambda: _standings(shelf, runs))


def _standings(shelf: Shelf, runs: Sequence[RunSummary]) -> Table:
    table: dict[str, dict[str, Standing]] = {}
    for run in runs:  # newest first
        for plan in shelf.store.plans(run.id):
            own = table.setdefault(plan.task, {})
            if plan.model not in own and (one := _standing(shelf, run, plan)):
                own[plan.model] = one
    return {task: _marked(shelf, own) for task, own in sorted(table.items()) if own}


def _standing(shelf: Shelf, run: RunSummary, plan: TaskPlan) -> Standing | None:
    row = shelf.row(run, plan)
    if not row.samples or not row.metrics:
        return None
    found = shelf.store.catalogue.find(run.id, Wanted(task=plan.task, model=plan.model))
    asked = digest_of([[each.sample_id, each.sample_hash] for each in found])
    key = (
        *(plan.factors.get(name, "") for name in _SAME),
        *(asked, row.metrics[0].name),
    )
    return Standing(run, plan, row, key)


def _marked(shelf: Shelf, own: Mapping[str, Standing]) -> dict[str, Standing]:
    """Say which standings can be compared, and which of those are best."""
    (usual, _), *_ = Counter(each.key for each in own.values()).most_common(1)
    marked = {
        model: replace(each, is_comparable=each.key == usual)
        for model, each in own.items()
    }
    alike = {m: each for m, each in marked.items() if each.is_comparable}
    for model in _best(shelf, alike):
        marked[model] = replace(marked[model], is_best=True)
    return marked


def _best(shelf: Shelf, alike: Mapping[str, Standing]) -> list[str]:
    """Return the model that scores highest, and those not told from it.

    Each is tested against it on the same samples; p values are corrected by Holm.
    """
    values = {
        model: each.metric.value
        for model, each in alike.items()
        if each.metric.value is not None
    }
    if len(values) <= 1:
        return []
    is_low = next(iter(alike.values())).metric.name in LOWER_IS_BETTER
    first = (min if is_low else max)(values, key=lambda model: values[model])
    others = [model for model in values if model != first]
    tested = [_p(shelf, alike[first], alike[model]) for model in others]
    known = [p for p in tested if p is not None]
    corrected = iter(holm(known))
    told = [None if p is None else next(corrected) for p in tested]
    same = [
        model
        for model, p in zip(others, told, strict=True)
        if (p is not None and p > _LEVEL) or values[model] == values[first]
    ]
    return [first, *same]


def _p(shelf: Shelf, one: Standing, other: Standing) -> float | None:
    first, second = (
        shelf.store.results(each.run.id, task=each.plan.task, model=each.plan.model)
        for each in (one, other)
    )
    samples = shelf.store.samples(one.run.id, task=one.plan.task)
    clusters = clusters_of(one.plan, samples)
    name = one.metric.name
    return difference(name, first, second, shelf.metrics, clusters=clusters).p
