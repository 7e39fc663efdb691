"""What several runs, or models and prompts of one, have of the same samples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from llmlab_pytest.comparing import (
    Compared,
    Side,
    compare_pairs,
    pairs_of,
    prompt_sides,
    run_id_of,
    sides_of,
)
from llmlab_pytest.core import ConfigError, SampleRecord, TaskPlan, TaskRow
from llmlab_pytest.metrics import MetricRegistry, build_row, sample_values
from llmlab_pytest.stats import benjamini_hochberg, holm
from llmlab_pytest.store import Found, RunSummary
from llmlab_pytest.ui._samples import records_of
from llmlab_pytest.ui._shelf import Shelf

_MOST_SIDES = 12
CORRECTIONS = {"holm": ("p (Holm)", holm), "fdr": ("p (FDR)", benjamini_hochberg)}
"""Heading and function by the value of `correct`."""


@dataclass(frozen=True, slots=True)
class Row:
    """A sample with its value on each side."""

    name: str
    values: Sequence[float | None]

    def change(self, place: int) -> str:
        """Return `higher` or `lower` than on the first side, or nothing."""
        first, own = self.values[0], self.values[place]
        if first is None or own is None or first == own:
            return ""
        return "higher" if own > first else "lower"

    def is_shown(self, show: str) -> bool:
        """Whether it is among the samples that are asked for."""
        changes = {self.change(place) for place in range(len(self.values))}
        if show == "changed":
            return bool(changes - {""})
        return show == "all" or show in changes


@dataclass(frozen=True, slots=True)
class Comparison:
    """What several runs, or models, have of the same tasks."""

    sides: Sequence[Side]
    lines: Sequence[TaskRow]
    """What the table says of each side."""
    compared: Sequence[Compared]
    rows: Mapping[str, Sequence[Row]]
    """The samples of each task that several sides have."""
    heading: str
    """Of the corrected p values."""

    @property
    def tasks(self) -> list[str]:
        """The tasks that more than one side has."""
        return sorted(self.rows)

    def of_task(self, task: str) -> list[Side]:
        """Return the sides of a task; the first is what others are held against."""
        return [side for side in self.sides if side.task == task]


def comparison_of(
    shelf: Shelf, runs: Sequence[str], metric: str, correct: str
) -> Comparison:
    """Compare runs, or the models and prompts of one.

    Args:
        shelf: holds them.
        runs: their ids, or what `llmlab compare` takes for one, as `last`.
        metric: what is compared; empty: the first metric of each task.
        correct: a key of `CORRECTIONS`.

    Raises:
        ConfigError: a run or metric is unknown, or there is nothing to compare.
    """
    if not runs:
        raise ConfigError(
            "No run is chosen.", fix="Choose some in the list of runs, or one's models."
        )
    summaries = [_meant(shelf, name) for name in runs]
    heading, function = CORRECTIONS[correct]

    def compare() -> Comparison:
        sides = sides_of([run.id for run in summaries], store=shelf.url)
        sides += prompt_sides(sides)
        if metric:
            sides = [replace(side, metric=metric) for side in sides]
        pairs = pairs_of(sides)
        shared = {pair.first.task for pair in pairs}
        if not pairs or len(sides) > _MOST_SIDES * len(shared):
            raise ConfigError(
                f"There is nothing to compare in {', '.join(runs)}.",
                allowed="Compared are several models or prompts of one run, or a task "
                f"of several runs; up to {_MOST_SIDES} of them.",
            )
        sides.sort(key=lambda side: side.task)
        compared = compare_pairs(pairs, shelf.metrics, function)
        tasks = Counter(side.task for side in sides)
        rows = {
            task: rows_of([side for side in sides if side.task == task])
            for task, count in tasks.items()
            if count > 1
        }
        lines = [_line(side, shelf.metrics) for side in sides]
        return Comparison(sides, lines, compared, rows, heading)

    return shelf.compared(summaries, (metric, correct), compare)


def _meant(shelf: Shelf, name: str) -> RunSummary:
    with suppress(ConfigError):  # the page's own says it better
        name = run_id_of(name, shelf.store, shelf.url)
    return shelf.run(name)


def _line(side: Side, metrics: MetricRegistry) -> TaskRow:
    count = len(side.results)
    plan = TaskPlan(
        task=side.task,
        model=side.model,
        planned=count,
        available=count,
        metrics=(side.metric,),
    )
    return build_row(plan, side.results, metrics, clusters=side.clusters)


def names_of(sides: Sequence[Side]) -> list[str]:
    """Return what tells sides apart: the model, and the run where there are several."""
    is_one = len({side.source for side in sides}) == 1
    return [side.model if is_one else f"{side.model} @ {side.source}" for side in sides]


def rows_of(sides: Sequence[Side]) -> list[Row]:
    """Return every sample of some sides, by its id; values where the row is the same.

    A sample whose row differs from the first side's is not compared with it.
    """
    values = [sample_values(side.results, side.metric) for side in sides]
    names = sorted({result.sample_id for side in sides for result in side.results})
    rows = []
    for name in names:
        own = [
            each[name].value
            if name in each and _is_same(sides[0], side, name)
            else None
            for each, side in zip(values, sides, strict=True)
        ]
        rows.append(Row(name, own))
    return rows


def _is_same(first: Side, second: Side, name: str) -> bool:
    row = first.rows.get(name)
    return row is None or second.rows.get(name, row) == row


def records_by_id(
    shelf: Shelf, side: Side, names: Sequence[str]
) -> dict[str, SampleRecord]:
    """Return the first epoch of samples by their ids."""
    places = [Found(*side.origin, name, 1, None) for name in names]
    records = records_of(shelf, side.source, places)
    return {record.result.sample_id: record for record in records}


def answer_of(record: SampleRecord | None) -> str:
    """Return what a model said, or the error that stopped it."""
    if record is None:
        return ""
    if record.result.error:
        return record.result.error
    scored = record.result.scores[0].answer if record.result.scores else None
    said = record.completion.text if record.completion else ""
    return said or scored or ""
