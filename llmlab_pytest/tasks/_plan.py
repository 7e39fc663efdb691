"""From a task to the samples that run: rows read, ids given, a subset drawn."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmlab_pytest.core import (
    DataError,
    Sample,
    Target,
    digest_of,
    slug,
)
from llmlab_pytest.prompts import draw_first, draw_random, evaluate
from llmlab_pytest.tasks._rows import read_rows
from llmlab_pytest.tasks._sources import load_split
from llmlab_pytest.tasks._task import DataSource, Task

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PlannedTask:
    """A task with its rows and the samples chosen from them."""

    task: Task
    samples: tuple[Sample, ...]
    available: int
    """How many rows the evaluated split has."""
    data_hash: str
    demonstrations: Mapping[str, tuple[Row, ...]]
    """Rows shown before each sample, by the sample's id; empty without shots."""

    places: Mapping[str, str]
    """Where each sample was read, by its id: `file:line`, or row and split."""

    def where(self, sample: Sample) -> str:
        """Name card, sample and row, for messages."""
        return f"{self.task.where} (sample {sample.id}, {self.places[sample.id]})"


def plan_task(
    task: Task, *, limit: int | None, seed: int, data_dir: Path | None
) -> PlannedTask:
    """Read the rows, build the samples, and draw a subset if asked.

    Args:
        task: what to plan.
        limit: how many samples; `None` or 0 for all.
        seed: of the subset.
        data_dir: the user's data directory.

    Raises:
        DataUnavailable: published data cannot be had.
        DataError: rows are malformed; names file and line, or sample.
    """
    rows, places = _placed_rows(task, data_dir)
    samples = _samples(task, rows, places)
    picked = _subset(task, rows, samples, limit, seed)
    return PlannedTask(
        task=task,
        samples=tuple(samples[index] for index in picked),
        available=len(rows),
        data_hash=_data_hash(task.data, rows),
        places={samples[index].id: places[index] for index in picked},
        demonstrations=_demonstrations(task, rows, samples, picked, data_dir),
    )


def _placed_rows(task: Task, data_dir: Path | None) -> tuple[list[Row], list[str]]:
    """Return the evaluated rows and where each was read."""
    data = task.data
    if data.file is not None:
        placed = read_rows(data.file)
        return [row for _, row in placed], [place for place, _ in placed]
    rows = _rows(task, data.split, data_dir)
    return rows, [
        f"row {number} of {data.split or task.name}" for number in range(len(rows))
    ]


def _rows(task: Task, split: str | None, data_dir: Path | None) -> list[Row]:
    data = task.data
    if split is not None:
        return load_split(data, split, task=task.name, data_dir=data_dir)
    if not data.rows:
        raise DataError(
            f"The task {task.name!r} in {task.where} has no rows.",
            fix="Give data= at least one row.",
        )
    return [dict(row) for row in data.rows]


def _data_hash(data: DataSource, rows: Sequence[Row]) -> str:
    if data.split is not None:
        return data.splits[data.split].digest
    return digest_of(rows)


def _samples(task: Task, rows: Sequence[Row], places: Sequence[str]) -> list[Sample]:
    width = max(4, len(str(len(rows) - 1)))
    samples = [
        _sample(task, row, number=f"{n:0{width}d}", where=f"{task.where} ({places[n]})")
        for n, row in enumerate(rows)
    ]
    counts = Counter(sample.id for sample in samples)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        numbers = [n for n, sample in enumerate(samples) if sample.id == twice]
        shown = " and ".join(places[n] for n in numbers[:2])
        raise DataError(
            f"The sample id {twice!r} occurs {counts[twice]} times: {shown}.",
            allowed="Ids are unique within a task: results are kept by id.",
        )
    return samples


def _sample(task: Task, row: Row, *, number: str, where: str) -> Sample:
    name = evaluate(task.id, row, where=where) if task.id else row.get("id", number)
    choices = _field(task.choices, "choices", row, where)
    return Sample(
        id=slug(str(name)),
        input=str(row.get("input", "")),
        target=_target(_field(task.target, "target", row, where), where),
        choices=tuple(map(str, choices)) if isinstance(choices, list) else (),
        metadata=row,
    )


def _field(expression: str | None, name: str, row: Row, where: str) -> object:
    return evaluate(expression, row, where=where) if expression else row.get(name)


def _target(value: object, where: str) -> Target:
    if isinstance(value, bool):
        return str(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)) and (
        all(isinstance(item, str) for item in value)
        or all(isinstance(item, int) for item in value)
    ):
        return tuple(value)
    raise DataError(
        f"The target in {where} is {value!r}.",
        allowed="It is a text, a number, or a list of texts or of whole numbers.",
    )


def _subset(
    task: Task,
    rows: Sequence[Row],
    samples: Sequence[Sample],
    limit: int | None,
    seed: int,
) -> list[int]:
    """Draw a stratified subset; the order stays that of the dataset.

    Each stratum gets its share of `limit` by the largest-remainder method. The order of
    the draw does not depend on `limit`: a larger subset keeps most of a smaller one.
    """
    if not limit or limit >= len(rows):
        return list(range(len(rows)))
    strata: dict[str, list[int]] = {}
    for index, (row, sample) in enumerate(zip(rows, samples, strict=True)):
        strata.setdefault(_stratum(task, row, sample), []).append(index)
    quotas = _quotas({name: len(group) for name, group in strata.items()}, limit)
    picked: list[int] = []
    for name, group in sorted(strata.items()):
        order = group.copy()
        random.Random(f"{seed}:{task.name}:{name}").shuffle(order)
        picked += order[: quotas[name]]
    return sorted(picked)


def _stratum(task: Task, row: Row, sample: Sample) -> str:
    if task.stratify is not None:
        return str(evaluate(task.stratify, row, where=f"{task.where} (stratify)"))
    # Without a choice to balance, every row is a stratum of one: no strata at all.
    return str(sample.target) if sample.choices else ""


def _quotas(sizes: Mapping[str, int], limit: int) -> dict[str, int]:
    total = sum(sizes.values())
    shares = {name: limit * rows / total for name, rows in sizes.items()}
    quotas = {name: int(share) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: (quotas[name] - shares[name], name))
    for name in by_remainder[: limit - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _demonstrations(
    task: Task,
    rows: Sequence[Row],
    samples: Sequence[Sample],
    picked: Sequence[int],
    data_dir: Path | None,
) -> dict[str, tuple[Row, ...]]:
    how = task.demonstrations
    if not task.shots or how is None:
        return {}
    pool = _rows(task, how.split, data_dir)
    if how.sampler == "first":
        draws = draw_first(rows, pool, shots=task.shots, same=how.same)
    else:
        draws = draw_random(
            rows, pool, shots=task.shots, pool_may_hold_row=how.pool_may_hold_row
        )
    return {
        samples[index].id: tuple(pool[number] for number in draws[index])
        for index in picked
    }
