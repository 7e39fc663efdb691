"""Models on the samples that all of them have: values, answers, and what they took."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from llmlab_pytest.comparing._sides import Side, names_of
from llmlab_pytest.core import SampleResult
from llmlab_pytest.metrics import reducer_of, sample_values

_LEAST_MODELS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one sample took on one model, kept answers as when they were given."""

    cost_usd: float | None
    """Of one epoch, or of all where the metric needs all; `None`: unknown."""
    asked_usd: float | None
    """Of all its epochs."""
    latency_s: float | None
    compute_s: float | None
    tokens: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One model's part of a panel; all tuples have one entry per sample."""

    name: str
    quality: tuple[float, ...]
    taken: tuple[Taken, ...]
    epochs: tuple[tuple[SampleResult, ...], ...]
    """The scored results of each sample."""

    @property
    def costs_usd(self) -> list[float] | None:
        """Dollars of each sample; `None` if any is unknown."""
        return _known([taken.cost_usd for taken in self.taken])

    @property
    def asked_usd(self) -> list[float] | None:
        """Dollars of each sample with all of its epochs; `None` if any is unknown."""
        return _known([taken.asked_usd for taken in self.taken])

    @property
    def latencies_s(self) -> list[float] | None:
        """Seconds of each sample; `None` if any was not measured."""
        return _known([taken.latency_s for taken in self.taken])


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One task on several models."""

    task: str
    metric: str
    sample_ids: tuple[str, ...]
    clusters: tuple[str, ...]
    """Of each sample; its id where none is declared."""
    seats: tuple[Seat, ...]
    left_out: int
    of: Literal["model", "prompt"] = "model"
    """What the seats are."""
    groups: tuple[str, ...] = ()
    """The declared group of each sample; empty texts where there is none."""

    @property
    def is_right_or_wrong(self) -> bool:
        """Whether each result is either: 1 or 0."""
        return all(
            result.outcome in ("hit", "miss")
            for seat in self.seats
            for results in seat.epochs
            for result in results
        )


def comparable(sides: Sequence[Side]) -> list[Side]:
    """Return the sides of tasks that can be set side by side, on two models or more."""
    tasks = Counter(side.task for side in sides)
    return [side for side in sides if tasks[side.task] > 1 and _is_plain(side)]


def panel_of(sides: Sequence[Side]) -> Panel | str:
    """Return the sides of one task as a panel, or why there is none.

    Quality is a plain mean of values between 0 and 1, of which 1 is right: of other
    metrics it is not known whether more is better.
    """
    task, metric = sides[0].task, sides[0].metric
    if len(sides) < _LEAST_MODELS:
        return f"{task}: one model"
    if any(side.metric != metric for side in sides):
        return f"{task}: its models are measured by different metrics"
    found = [sample_values(side.results, metric) for side in sides]
    scored = [side for side, values in zip(sides, found, strict=True) if values]
    if not all(map(_is_plain, scored)):
        return f"{task}: {metric} is no mean of samples between 0 and 1"
    shared = _shared(sides, found)
    if not shared:
        return f"{task}: no sample has a score on all models"
    everything = {name for values in found for name in values}
    clusters = {key: name for side in sides for key, name in side.clusters.items()}
    seats = [
        _seat(side, name, [values[key].value for key in shared], shared)
        for side, name, values in zip(sides, names_of(sides), found, strict=True)
    ]
    return Panel(
        task=task,
        metric=metric,
        sample_ids=tuple(shared),
        clusters=tuple(clusters.get(key, key) for key in shared),
        seats=tuple(seats),
        left_out=len(everything) - len(shared),
        groups=tuple(sides[0].groups.get(key, "") for key in shared),
        of=sides[0].of,
    )


def _is_plain(side: Side) -> bool:
    """Whether the compared metric is a plain mean of values between 0 and 1."""
    has_shares = any(
        score.share is not None
        for result in side.results
        for score in result.scores
        if score.scorer == side.metric
    )
    samples = list(sample_values(side.results, side.metric).values())
    is_plain = all(0 <= s.value <= 1 and s.weight == 1.0 for s in samples)
    return bool(samples) and is_plain and not has_shares


def _shared(sides: Sequence[Side], found: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the ids that all have a value of, from the same row where it is known."""
    shared = []
    for key in found[0]:
        rows = [side.rows[key] for side in sides if key in side.rows]
        is_same = all(row == rows[0] for row in rows)
        if is_same and all(key in values for values in found):
            shared.append(key)
    return shared


def _seat(
    side: Side, name: str, quality: Sequence[float], sample_ids: Sequence[str]
) -> Seat:
    epochs: dict[str, list[SampleResult]] = {}
    for result in side.results:
        if result.error is None:
            epochs.setdefault(result.sample_id, []).append(result)
    is_of_all = reducer_of(side.metric) is not None
    return Seat(
        name=name,
        quality=tuple(quality),
        taken=tuple(_taken(epochs[key], of_all=is_of_all) for key in sample_ids),
        epochs=tuple(tuple(epochs[key]) for key in sample_ids),
    )


def _taken(results: Sequence[SampleResult], *, of_all: bool) -> Taken:
    """Return what a sample took: of one epoch, or of all where the metric needs all."""
    count = len(results) if of_all else 1
    costs = _known([_cost_usd(result) for result in results])
    latencies = _known([_latency_s(result) for result in results])
    computed = [_compute_s(result) for result in results]
    known = [seconds for seconds in computed if seconds is not None]
    return Taken(
        cost_usd=None if costs is None else count * fmean(costs),
        asked_usd=None if costs is None else sum(costs),
        latency_s=None if latencies is None else count * fmean(latencies),
        compute_s=count * fmean(known) if known else None,
        tokens=count * fmean(result.usage.tokens for result in results),
    )


def _known(values: Sequence[float | None]) -> list[float] | None:
    """Return values, if all are known."""
    found = [value for value in values if value is not None]
    return found if len(found) == len(values) else None


def _cost_usd(result: SampleResult) -> float | None:
    kept_usd = 0.0 if result.original is None else result.original.cost_usd
    if result.cost_usd is None or kept_usd is None:
        return None
    return result.cost_usd + kept_usd


def _latency_s(result: SampleResult) -> float | None:
    if result.original is None:
        return result.latency_s
    return result.original.latency_s + (result.latency_s or 0.0)


def _compute_s(result: SampleResult) -> float | None:
    kept_s = None if result.original is None else result.original.compute_s
    if result.compute_s is None:
        return kept_s
    return result.compute_s + (kept_s or 0.0)
