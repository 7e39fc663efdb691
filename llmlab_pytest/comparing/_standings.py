"""Quality against cost and latency, with intervals and the frontier of both.

A mean over tasks counts each task the same. Its interval is put together from those of
the tasks by their distances (MOVER; Zou and Donner 2008, Statistics in Medicine 27),
which keeps what is good about each: Wilson's or that of clusters.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from llmlab_pytest.comparing._panel import Panel, Seat
from llmlab_pytest.core import Interval
from llmlab_pytest.metrics import mean_of_values
from llmlab_pytest.reporting import Standing
from llmlab_pytest.stats import (
    MOST_GROUPS,
    Offer,
    clustered_interval,
    fieller_of_tasks,
    frontier,
    frontier_chances,
    quantile,
    quantile_interval,
    student_t,
    wilson,
)

_LEAST = 2
_FEWEST_DRAWS, _MOST_DRAWS, _MOST_NUMBERS = 200, 1000, 8_000_000
_Prices = Callable[[Seat], Sequence[float] | None]


def draws_for(panels: Sequence[Panel]) -> int:
    """Return how often samples are drawn anew: 1,000 times, of much data less often.

    The chance of a place on the frontier then has a standard error of up to 1.6 %, or
    of 3.5 % with the fewest, 200 draws; it takes about a second for all tasks.
    """
    numbers = sum(
        min(MOST_GROUPS, len(panel.sample_ids)) * (2 * len(panel.seats) + 1)
        for panel in panels
    )
    return max(_FEWEST_DRAWS, min(_MOST_DRAWS, _MOST_NUMBERS // numbers))


def standings_of(panels: Sequence[Panel], *, draws: int) -> tuple[Standing, ...]:
    """Return the standing of each model on one task, or over several, best first.

    Args:
        panels: one per task, with the same models in the same order.
        draws: how often samples are drawn anew for chances.
    """
    seats = [[panel.seats[n] for panel in panels] for n in range(len(panels[0].seats))]
    cheap = _places(panels, lambda seat: seat.costs_usd, draws)
    quick = _places(panels, lambda seat: seat.latencies_s, draws)
    found = []
    for own in seats:
        name = own[0].name
        is_cheap, cheap_chance = cheap.get(name, (None, None))
        is_quick, quick_chance = quick.get(name, (None, None))
        standing = replace(
            _standing(panels, own),
            is_on_cost_frontier=is_cheap,
            cost_frontier_chance=cheap_chance,
            is_on_latency_frontier=is_quick,
            latency_frontier_chance=quick_chance,
        )
        found.append(standing)
    return tuple(sorted(found, key=lambda standing: -standing.quality))


def _standing(panels: Sequence[Panel], seats: Sequence[Seat]) -> Standing:
    """Return the numbers of one model, without its places on the frontiers."""
    quality = fmean(fmean(seat.quality) for seat in seats)
    costs = [seat.costs_usd for seat in seats]
    latencies = [seat.latencies_s for seat in seats]
    cost_usd, count = _mean(costs), sum(len(seat.taken) for seat in seats)
    computed = [t.compute_s for seat in seats for t in seat.taken if t.compute_s]
    tokens = fmean(fmean(taken.tokens for taken in seat.taken) for seat in seats)
    together = [value for part in latencies for value in part or ()]
    timed = together if len(together) == count else []
    per_correct = per_1000 = None
    if cost_usd is not None:
        per_correct = cost_usd / quality if quality else None
        per_1000 = 1000 * cost_usd / tokens if tokens else None
    return Standing(
        model=seats[0].name,
        quality=quality,
        quality_interval=_interval(panels, [s.quality for s in seats], mean_interval),
        cost_usd=cost_usd,
        cost_interval=_interval(panels, costs, price_interval),
        cost_per_correct_usd=per_correct,
        cost_per_correct_interval=_per_correct(panels, seats),
        usd_per_1000_tokens=per_1000,
        latency_s=_mean(latencies),
        latency_interval=_interval(panels, latencies, price_interval),
        latency_p50_s=quantile(timed, 0.5),
        latency_p50_interval=quantile_interval(timed, 0.5),
        latency_p95_s=quantile(timed, 0.95),
        latency_p95_interval=quantile_interval(timed, 0.95),
        compute_s=math.fsum(computed) / count if computed else None,
        is_on_cost_frontier=None,
        cost_frontier_chance=None,
        is_on_latency_frontier=None,
        latency_frontier_chance=None,
    )


def _mean(parts: Sequence[Sequence[float] | None]) -> float | None:
    """Return the mean over tasks of means over samples; `None` if any is unknown."""
    means = [fmean(part) for part in parts if part is not None]
    return fmean(means) if len(means) == len(parts) else None


def _interval(
    panels: Sequence[Panel],
    parts: Sequence[Sequence[float] | None],
    of_task: Callable[[Sequence[float], Sequence[str]], Interval | None],
) -> Interval | None:
    """Return the interval of a mean over tasks; `None` where one has none."""
    found = [
        (fmean(part), of_task(part, panel.clusters))
        for panel, part in zip(panels, parts, strict=True)
        if part is not None
    ]
    ends = [(mean, interval) for mean, interval in found if interval is not None]
    return mean_of_intervals(ends) if len(ends) == len(parts) else None


def mean_of_intervals(parts: Sequence[tuple[float, Interval]]) -> Interval:
    """Return the interval of the mean of independent estimates, by MOVER.

    Args:
        parts: each estimate with its interval, all of one confidence.
    """
    if len(parts) == 1:
        return parts[0][1]
    centre = fmean(value for value, _ in parts)
    low = math.hypot(*(value - ends.low for value, ends in parts)) / len(parts)
    high = math.hypot(*(ends.high - value for value, ends in parts)) / len(parts)
    confidence = parts[0][1].confidence
    return Interval(centre - low, centre + high, confidence, "mover")


def mean_interval(values: Sequence[float], clusters: Sequence[str]) -> Interval | None:
    """Return the interval of a mean of samples, of which some may belong together."""
    if len(set(clusters)) < len(clusters):
        return clustered_interval(values, clusters)
    return mean_of_values("", values).interval


def price_interval(values: Sequence[float], clusters: Sequence[str]) -> Interval | None:
    """Return the interval of mean dollars or seconds; what never differs is known."""
    if len(values) > 1 and len(set(values)) == 1:
        return Interval(values[0], values[0], method="constant")
    if len(set(clusters)) < len(clusters):
        return clustered_interval(values, clusters)
    return student_t(values)


def _per_correct(panels: Sequence[Panel], seats: Sequence[Seat]) -> Interval | None:
    """Return the interval of dollars per right answer.

    Where all are right, one more need not be: the upper end takes the lowest rate of
    Wilson's interval.
    """
    tasks = []
    for panel, seat in zip(panels, seats, strict=True):
        costs = seat.costs_usd
        if costs is None:
            return None
        columns = [_cluster_means(own, panel.clusters) for own in (costs, seat.quality)]
        tasks.append((columns[0], columns[1]))
    found = fieller_of_tasks(tasks)
    count = sum(len(above) for above, _ in tasks)
    lowest = wilson(count, count)
    is_perfect = all(set(seat.quality) == {1.0} for seat in seats)
    if found is None or lowest is None or not is_perfect:
        return found
    return replace(found, high=found.high / lowest.low, method="fieller-wilson")


def _cluster_means(values: Sequence[float], clusters: Sequence[str]) -> list[float]:
    """Return a value per cluster whose mean is that of the samples: its sum, scaled."""
    sums: dict[str, float] = {}
    for name, value in zip(clusters, values, strict=True):
        sums[name] = sums.get(name, 0.0) + value
    return [own * len(sums) / len(values) for own in sums.values()]


def _places(
    panels: Sequence[Panel], prices_of: _Prices, draws: int
) -> Mapping[str, tuple[bool, float]]:
    """Return who is on the frontier of quality and a price, and how often when drawn.

    By name, of the models whose price is known. One alone is not beaten by anybody:
    nothing is said then.
    """
    seats = [[panel.seats[n] for panel in panels] for n in range(len(panels[0].seats))]
    known = [own for own in seats if all(prices_of(s) is not None for s in own)]
    if len(known) < _LEAST:
        return {}
    offers = [
        Offer(
            fmean(fmean(seat.quality) for seat in own),
            _mean([prices_of(seat) for seat in own]) or 0.0,
        )
        for own in known
    ]
    by_task = zip(*known, strict=True)
    chances = frontier_chances(
        [
            _addends(panel, task_seats, prices_of)
            for panel, task_seats in zip(panels, by_task, strict=True)
        ],
        draws=draws,
    )
    names = [own[0].name for own in known]
    found = zip(names, frontier(offers), chances, strict=True)
    return {name: (is_on, chance) for name, is_on, chance in found}


def _addends(
    panel: Panel, seats: Sequence[Seat], prices_of: _Prices
) -> list[tuple[float, ...]]:
    """Return what each cluster adds: samples, then quality and price of each model."""
    columns = [
        column for seat in seats for column in (seat.quality, prices_of(seat) or ())
    ]
    groups: dict[str, list[tuple[float, ...]]] = {}
    for name, *values in zip(panel.clusters, *columns, strict=True):
        groups.setdefault(name, []).append((1.0, *values))
    return [tuple(map(math.fsum, zip(*own, strict=True))) for own in groups.values()]
