"""Scores of a task on a model, run by run, and where they changed.

Each run is compared with the one before it, on the samples that both have, and the last
with the first, which finds a drift too slow for single steps. All p values that are
shown are corrected together (Holm): the chance of any false change is below 5 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from llmlab_pytest.comparing import Compared, Pair, Side, compare_pairs, sides_of
from llmlab_pytest.core import Metric
from llmlab_pytest.metrics import MetricRegistry, clustered, compute
from llmlab_pytest.stats import holm
from llmlab_pytest.store import RunSummary

LEVEL = 0.05


class Point(NamedTuple):
    """A run of a series."""

    run_id: str
    started_at: str
    metric: Metric
    errors: int
    since_last: Compared | None
    """Against the run before; `None` for the first."""

    @property
    def is_changed(self) -> bool:
        """Whether it differs from the run before."""
        return self.since_last is not None and is_find(self.since_last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A task on a model over time."""

    task: str
    model: str
    points: tuple[Point, ...]
    """Oldest first."""
    since_first: Compared | None = None
    """The last run against the first, of three or more."""


def is_find(compared: Compared) -> bool:
    """Whether two runs differ, by the corrected p value."""
    return compared.corrected_p is not None and compared.corrected_p <= LEVEL


def series_of(
    runs: Sequence[RunSummary],
    registry: MetricRegistry,
    *,
    store: str,
    tasks: Sequence[str] = (),
    models: Sequence[str] = (),
) -> list[Series]:
    """Return a series for each task and model that the runs have.

    Args:
        runs: oldest first.
        registry: the known metrics.
        store: path or URL of their store.
        tasks: only these; empty: all.
        models: likewise.

    Raises:
        ConfigError: a metric is not known here.
        StoreError: the store cannot be read.
    """
    started = {run.id: run.started_at for run in runs}
    found: dict[tuple[str, str], list[Side]] = {}
    for side in sides_of(list(started), store=store):
        is_chosen = (not tasks or side.task in tasks) and (
            not models or side.model in models
        )
        if is_chosen and side.results:
            found.setdefault((side.task, side.model), []).append(side)
    compared = _compared(list(found.values()), registry)
    return [
        Series(
            task=task,
            model=model,
            points=tuple(
                Point(
                    side.source,
                    started[side.source],
                    _metric(side, registry),
                    sum(result.error is not None for result in side.results),
                    compared.get((id(before), id(side))) if before else None,
                )
                for before, side in zip([None, *sides], sides, strict=False)
            ),
            since_first=compared.get((id(sides[0]), id(sides[-1])))
            if len(sides) > _STEP
            else None,
        )
        for (task, model), sides in found.items()
    ]


_STEP = 2
"""Of two runs the last step is all there is."""


def _compared(
    series: Sequence[Sequence[Side]], registry: MetricRegistry
) -> dict[tuple[int, int], Compared]:
    """Compare all steps, and last with first, by the identities of the sides."""
    pairs = []
    for sides in series:
        pairs += [Pair(*step) for step in pairwise(sides)]
        if len(sides) > _STEP:
            pairs.append(Pair(sides[0], sides[-1]))
    return {
        (id(each.pair.first), id(each.pair.second)): each
        for each in compare_pairs(pairs, registry, holm)
    }


def _metric(side: Side, registry: MetricRegistry) -> Metric:
    metric = compute(side.metric, side.results, registry)
    return clustered(metric, side.results, side.clusters)
