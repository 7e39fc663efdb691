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
    Unsupported,
    digest_of,
    slug,
)
from llmlab_pytest.prompts import (
    draw_first,
    draw_random,
    draw_shuffled,
    evaluate,
    render,
)
from llmlab_pytest.tasks._read_source import read_source
from llmlab_pytest.tasks._row_formats import in_form
from llmlab_pytest.tasks._sources import load_split
from llmlab_pytest.tasks._task import DEFAULT_MODE, DataSource, Task

Row = dict[str, Any]
ROW_NUMBER = "row_number"
"""What the card's `id` may use besides the fields of the row."""


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
        Unsupported: there are not as many demonstrations as the task shows, or its
            card does not have the compat mode.
    """
    if task.mode not in (DEFAULT_MODE, *task.modes):
        raise Unsupported(
            f"The task {task.name!r} in {task.where} has no compat mode {task.mode!r}.",
            allowed=f"It has: {', '.join((DEFAULT_MODE, *task.modes))}.",
            fix="Run other tasks in that mode, or this one in another.",
        )
    rows, places = _placed_rows(task, data_dir)
    ids = _ids(task, rows, places)
    picked = _subset(task, rows, places, limit, seed)
    samples = tuple(_sample(task, rows[n], n, ids[n], places[n]) for n in picked)
    shown = _demonstrations(task, rows, picked, data_dir)
    return PlannedTask(
        task=task,
        samples=samples,
        available=len(rows),
        data_hash=_data_hash(task.data, rows),
        places={ids[n]: places[n] for n in picked},
        demonstrations={ids[n]: rows for n, rows in shown.items()},
    )


def _placed_rows(task: Task, data_dir: Path | None) -> tuple[list[Row], list[str]]:
    """Return the evaluated rows and where each was read."""
    data = task.data
    if data.file is None and data.query is None and data.hub is None:
        rows = _rows(task, data.split, data_dir)
        whole = data.split or task.name
        placed = [(f"row {n} of {whole}", row) for n, row in enumerate(rows)]
    else:
        placed = read_source(data)
    if task.format is not None:
        placed = [(place, in_form(task.format, row, place)) for place, row in placed]
    return [row for _, row in placed], [place for place, _ in placed]


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
    if data.split is not None and data.splits[data.split].digest:
        return data.splits[data.split].digest
    return digest_of(rows)


def _ids(task: Task, rows: Sequence[Row], places: Sequence[str]) -> list[str]:
    """Return the id of every row: by the card's expression, its `id`, or its number."""
    width = max(4, len(str(len(rows) - 1)))
    ids = [
        _id(task, row, f"{n:0{width}d}", place)
        for n, (row, place) in enumerate(zip(rows, places, strict=True))
    ]
    name, count = Counter(ids).most_common(1)[0]
    if count > 1:
        shown = [place for own, place in zip(ids, places, strict=True) if own == name]
        raise DataError(
            f"The sample id {name!r} occurs {count} times: {' and '.join(shown[:2])}.",
            allowed="Ids are unique within a task: results are kept by id.",
        )
    return ids


def _id(task: Task, row: Row, number: str, place: str) -> str:
    if task.id is None:
        return slug(str(row.get("id", number)))
    fields = {**row, ROW_NUMBER: number}
    return slug(str(evaluate(task.id, fields, where=_where(task, place))))


def _sample(task: Task, row: Row, number: int, name: str, place: str) -> Sample:
    choices = _field(task, task.choices, "choices", row, place)
    if task.cluster is not None:  # what it says wrongly is found before the run
        evaluate(task.cluster, row, where=_where(task, place))
    return Sample(
        id=name,
        input=str(row.get("input", "")),
        target=_target(task, row, place),
        choices=tuple(map(str, choices)) if isinstance(choices, list) else (),
        metadata=row,
        position=number,
        groups=_groups(task, row, place),
    )


def _groups(task: Task, row: Row, place: str) -> tuple[str, ...]:
    """Return the groups that a row belongs to, widest first."""
    if task.group is None:
        return ()
    part = str(evaluate(task.group, row, where=_where(task, place)))
    if not task.groups:
        return (part,)
    for name, parts in task.groups.items():
        if part in parts:
            return (name, part)
    raise DataError(
        f"The part {part!r} of {_where(task, place)} is in no group.",
        allowed=f"The groups are: {', '.join(task.groups)}.",
        fix="Name it in the card's [groups].",
    )


def _where(task: Task, place: str) -> str:
    return f"{task.where} ({place})"


def _field(
    task: Task, expression: str | None, name: str, row: Row, place: str
) -> object:
    if expression is None:
        return row.get(name)
    return evaluate(expression, row, where=_where(task, place))


def _target(task: Task, row: Row, place: str) -> Target:
    value = _field(task, task.target, "target", row, place)
    if value is None and task.kind == "perplexity":  # words and bytes are counted in it
        return render(task.prompt, {"input": "", **row}, where=_where(task, place))
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
        f"The target in {_where(task, place)} is {value!r}.",
        allowed="It is a text, a number, or a list of texts or of whole numbers.",
    )


def _subset(
    task: Task,
    rows: Sequence[Row],
    places: Sequence[str],
    limit: int | None,
    seed: int,
) -> list[int]:
    """Draw a stratified subset; the order stays that of the dataset.

    Each stratum gets its share of `limit` by the largest-remainder method. The order of
    the draw does not depend on `limit`: a larger subset keeps most of a smaller one.
    """
    if not limit or limit >= len(rows):
        return list(range(len(rows)))
    drawn_as = task.drawn_as or task.name
    strata: dict[str, list[int]] = {}
    for index, (row, place) in enumerate(zip(rows, places, strict=True)):
        strata.setdefault(_stratum(task, row, place), []).append(index)
    quotas = _quotas({name: len(group) for name, group in strata.items()}, limit)
    picked: list[int] = []
    for name, group in sorted(strata.items()):
        order = group.copy()
        random.Random(f"{seed}:{drawn_as}:{name}").shuffle(order)
        picked += order[: quotas[name]]
    return sorted(picked)


def _stratum(task: Task, row: Row, place: str) -> str:
    if task.stratify is not None:
        return str(evaluate(task.stratify, row, where=_where(task, place)))
    # Without a choice to balance, every row is a stratum of one: no strata at all.
    has_choices = task.choices is not None or "choices" in row
    return str(_target(task, row, place)) if has_choices else ""


def _quotas(sizes: Mapping[str, int], limit: int) -> dict[str, int]:
    total = sum(sizes.values())
    shares = {name: limit * rows / total for name, rows in sizes.items()}
    quotas = {name: int(share) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: (quotas[name] - shares[name], name))
    for name in by_remainder[: limit - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _demonstrations(
    task: Task, rows: Sequence[Row], picked: Sequence[int], data_dir: Path | None
) -> dict[int, tuple[Row, ...]]:
    how = task.demonstrations
    if not task.shots:
        return {}
    if how is None:
        raise _too_few(task, "its card has no [demonstrations]")
    pool: list[Row] = [dict(row) for row in how.rows] or _rows(
        task, how.split, data_dir
    )
    asked = rows[: max(picked) + 1]  # a draw does not depend on the rows behind
    if how.sampler == "first":
        draws = draw_first(asked, pool, shots=task.shots, same=how.same)
    elif how.sampler == "shuffled":
        draws = draw_shuffled(rows, pool, shots=task.shots)
    else:
        draws = draw_random(
            asked, pool, shots=task.shots, pool_may_hold_row=how.pool_may_hold_row
        )
    fewest = min(len(draws[n]) for n in picked)
    if fewest < task.shots:
        place = f"the split {how.split!r}" if how.split else "its file"
        raise _too_few(task, f"{place} has {fewest} of them for some sample")
    return {n: tuple(pool[number] for number in draws[n]) for n in picked}


def _too_few(task: Task, why: str) -> Unsupported:
    return Unsupported(
        f"The task {task.name!r} in {task.where} is asked with {task.shots} "
        f"demonstrations: {why}.",
        fix="Lower shots, or --llmlab-shots if it was given; or run other tasks.",
    )
