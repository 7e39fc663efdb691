"""Models side by side as tables of text and sentences, for every way to show them."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from llmlab_pytest.core import Interval, shorten
from llmlab_pytest.reporting import _format
from llmlab_pytest.reporting._side_by_side import (
    Cascade,
    Consistency,
    Match,
    RightTogether,
    SideBySide,
    Standing,
    TaskSide,
    Win,
)

_NAME_WIDTH = 40
_MOST_IDS = 8
_MOST_GROUPS = 6
_DIGITS = 3
"""Significant ones, of dollars per sample."""
_MOST_TASKS = 5
_LEAST_FOR_MATRIX = 3
_INTERVAL = "95% interval"
_RULE_HEAD = (
    *("first", "second", "second where", "asked", "quality", _INTERVAL),
    *("$/sample", _INTERVAL, "against 2nd", _INTERVAL, "coin", "samples"),
)
_FIRST_THEN = "ask the first, then the second where it is unsure"
_EITHER = "ask the first or the second, by the sample's group or length"
_HALVES = (
    "thresholds and groups are chosen on one half of the samples and judged on the "
    "other; coin: the quality of asking either at random for the same money"
)


class Table(NamedTuple):
    """Lines of cells below a head."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    names: int
    """How many of the first columns are names; the others are numbers."""
    note: str
    """What the columns mean; empty where that is plain."""


def side_tables(task: TaskSide, *, has_pairs: bool = True) -> list[Table]:
    """Return the tables of one task, those that have lines.

    Args:
        task: with its models.
        has_pairs: whether differences of pairs are among them.
    """
    tables = (
        _costs(task.standings),
        _latencies(task.standings),
        _wins(task.wins if has_pairs else ()),
        _matches(task.matches),
        _matrix(task),
        _consistencies(task.consistencies),
        _rules("cascade", _FIRST_THEN, task.cascades),
        _rules("router", _EITHER, task.routers),
    )
    return [table for table in tables if table.lines]


def sides_of_all(found: SideBySide) -> list[TaskSide]:
    """Return the tasks, then what is over them."""
    return [*found.tasks, *([found.overall] if found.overall else [])]


def shown_tasks(found: SideBySide) -> list[TaskSide]:
    """Return what a summary shows: all, or of many tasks only what is over them."""
    is_many = len(found.tasks) > _MOST_TASKS
    return sides_of_all(found)[len(found.tasks) if is_many else 0 :]


def side_title(task: TaskSide) -> str:
    """Say what is side by side, and on how many samples."""
    text = f"{task.task}: {task.metric} on {task.n:,} samples that all have"
    return f"{text}; {task.left_out:,} others are left out" if task.left_out else text


def side_sentences(task: TaskSide) -> list[str]:
    """Say which model to take, and which samples tell models apart."""
    lines = [task.advice.reason] if task.advice else []
    groups: dict[str, list[str]] = {}
    for one in task.separating:
        few = min(one.right, one.wrong, key=len)
        what = "right" if few == one.right else "wrong"
        groups.setdefault(f"only {_all(few)} {what}", []).append(one.sample_id)
    ranked = sorted(groups.items(), key=lambda group: -len(group[1]))
    lines += [f"{who}: {_named(ids)}" for who, ids in ranked[:_MOST_GROUPS]]
    reverse = [
        one.sample_id
        for one in task.separating
        if one.discrimination is not None and one.discrimination < 0
    ]
    if reverse:
        lines.append(f"rather the worse ones right, check targets: {_named(reverse)}")
    if task.none_right:
        lines.append(f"none right: {_named(task.none_right)}")
    return lines


def side_notes(found: SideBySide) -> list[str]:
    """Say what could not be put side by side."""
    return [f"not side by side: {note}" for note in found.notes]


def _all(names: Sequence[str]) -> str:
    return ", ".join(shorten(name, _NAME_WIDTH) for name in names)


def _named(ids: Sequence[str]) -> str:
    more = ", …" if len(ids) > _MOST_IDS else ""
    shown = ", ".join(shorten(name, _NAME_WIDTH) for name in ids[:_MOST_IDS])
    return f"{len(ids):,} samples: {shown}{more}" if len(ids) > 1 else shown


def _costs(standings: Sequence[Standing]) -> Table:
    return Table(
        "quality against cost",
        (
            *("model", "quality", _INTERVAL, "$/sample", _INTERVAL),
            *("$/right answer", _INTERVAL, "$/1k tokens", "on frontier"),
        ),
        [
            [
                shorten(own.model, _NAME_WIDTH),
                _format.score(own.quality),
                _span(own.quality_interval, _format.score),
                _price(own),
                _span(own.cost_interval, dollars),
                dollars(own.cost_per_correct_usd),
                _span(own.cost_per_correct_interval, dollars),
                dollars(own.usd_per_1000_tokens),
                frontier_place(own.cost_frontier_chance, is_on=own.is_on_cost_frontier),
            ]
            for own in standings
        ],
        1,
        "on frontier: no model is as good for less; how often so when samples are "
        "drawn anew",
    )


def _latencies(standings: Sequence[Standing]) -> Table:
    timed = [own for own in standings if own.latency_s is not None]
    if not any(own.latency_s for own in timed):  # doubles answer in no time
        timed = []
    return Table(
        "quality against latency",
        (
            *("model", "quality", "mean", _INTERVAL, "p50", _INTERVAL),
            *("p95", _INTERVAL, "on frontier"),
        ),
        [
            [
                shorten(own.model, _NAME_WIDTH),
                _format.score(own.quality),
                _format.seconds(own.latency_s),
                _span(own.latency_interval, _format.seconds),
                _format.seconds(own.latency_p50_s),
                _span(own.latency_p50_interval, _format.seconds),
                _format.seconds(own.latency_p95_s),
                _span(own.latency_p95_interval, _format.seconds),
                frontier_place(
                    own.latency_frontier_chance, is_on=own.is_on_latency_frontier
                ),
            ]
            for own in timed
        ],
        1,
        "on frontier: no model is as good in less time on average",
    )


def _wins(wins: Sequence[Win]) -> Table:
    return Table(
        "pairs",
        (
            *("model", "against", "difference", _INTERVAL, "higher", "lower", "same"),
            *("p", "corrected p"),
        ),
        [
            [
                shorten(win.second, _NAME_WIDTH),
                shorten(win.first, _NAME_WIDTH),
                _signed(win.difference),
                _span(win.interval, _signed),
                *(f"{win.higher}", f"{win.lower}", f"{win.same}"),
                _format.p_value(win.p),
                _format.p_value(win.corrected_p),
            ]
            for win in wins
        ],
        2,
        "corrected p: for all pairs of all tasks; below 0.05 the two differ",
    )


def _matches(matches: Sequence[Match]) -> Table:
    return Table(
        "which answer alike",
        (
            *("model", "and", "same answer", _INTERVAL, "both right", "only 1st"),
            *("only 2nd", "neither", "kappa", _INTERVAL, "errors shared", "same error"),
        ),
        [
            [
                shorten(match.first, _NAME_WIDTH),
                shorten(match.second, _NAME_WIDTH),
                _share(match.alike),
                _span(match.alike_interval, _share),
                *_together(match.together),
            ]
            for match in matches
        ],
        2,
        "kappa: agreement on what is right, beyond chance; errors shared: of the "
        "samples that either has wrong, those that both have; same error: of these, "
        "those with the same answer",
    )


def _matrix(task: TaskSide) -> Table:
    """Return how alike each model is to each other one."""
    names = [own.model for own in task.standings]
    rank = {name: n for n, name in enumerate(names)}
    cells: dict[tuple[str, str], str] = {}
    for match in task.matches:
        kappa = match.together.kappa if match.together else None
        for one, other in ((match.first, match.second), (match.second, match.first)):
            is_above = rank[one] < rank[other]
            cells[one, other] = _share(match.alike) if is_above else _signed(kappa)
    is_shown = bool(cells) and len(names) >= _LEAST_FOR_MATRIX
    return Table(
        "agreement matrix",
        ("", *(shorten(name, _NAME_WIDTH) for name in names)),
        [
            [shorten(one, _NAME_WIDTH), *(cells.get((one, n), "") for n in names)]
            for one in names
        ]
        if is_shown
        else [],
        1,
        "above the diagonal the share of same answers, below it kappa",
    )


def _together(found: RightTogether | None) -> list[str]:
    if found is None:
        return [_format.ABSENT] * 8
    counts = (found.both, found.only_first, found.only_second, found.neither)
    return [
        *map(str, counts),
        _signed(found.kappa),
        _span(found.kappa_interval, _signed),
        _share(found.error_overlap),
        _share(found.same_wrong),
    ]


def _consistencies(found: Sequence[Consistency]) -> Table:
    return Table(
        "the same answer to the same question",
        ("over", "model", "pairs alike", _INTERVAL, "samples", "alpha"),
        [
            [
                own.over,
                shorten(own.model, _NAME_WIDTH) or "all",
                _share(own.alike),
                _span(own.alike_interval, _share),
                f"{own.n:,}",
                _signed(own.alpha),
            ]
            for own in found
            if own.n
        ],
        2,
        "alpha: Krippendorff's, of the scores: 1 is perfect, 0 chance",
    )


def _rules(kind: str, what: str, found: Sequence[Cascade]) -> Table:
    """Return rules that choose between two models, by what kind they are."""
    return Table(
        f"{kind}s: {what}",
        _RULE_HEAD,
        list(map(_rule_cells, found)),
        3,
        f"the oracle looks at the target: no {kind} of the two is better; {_HALVES}",
    )


def _rule_cells(own: Cascade) -> list[str]:
    return [
        shorten(own.first, _NAME_WIDTH),
        shorten(own.second, _NAME_WIDTH),
        own.rule,
        _share(own.asked_second),
        _format.score(own.quality),
        _span(own.quality_interval, _format.score),
        dollars(own.cost_usd),
        _span(own.cost_interval, dollars),
        _signed(own.difference),
        _span(own.difference_interval, _signed),
        _format.score(own.mixed_quality),
        f"{own.n:,}",
    ]


def _price(standing: Standing) -> str:
    """Return dollars per sample; for a local model the seconds of compute, too."""
    text = dollars(standing.cost_usd)
    if standing.compute_s is None:
        return text
    return f"{text} + {_format.seconds(standing.compute_s)}"


def dollars(cost_usd: float | None) -> str:
    """Format dollars per sample by three significant digits; `?` is unknown."""
    if cost_usd is None:
        return _format.UNKNOWN
    if cost_usd <= 0:
        return "$0"
    decimals = max(2, _DIGITS - 1 - math.floor(math.log10(cost_usd)))
    return f"${cost_usd:,.{decimals}f}"


def _span(interval: Interval | None, show: Callable[[float], str]) -> str:
    """Format an interval, or a dash where there is none."""
    if interval is None:
        return _format.ABSENT
    return f"[{show(interval.low)}, {show(interval.high)}]"


def frontier_place(share: float | None, *, is_on: bool | None) -> str:
    """Say whether a model is on a frontier, and how often when samples are drawn."""
    if is_on is None or share is None:
        return _format.UNKNOWN
    return f"{'yes' if is_on else 'no'} {share:.0%}"


def _signed(value: float | None) -> str:
    return _format.ABSENT if value is None else f"{value:+.3f}"


def _share(value: float | None) -> str:
    return _format.ABSENT if value is None else f"{value:.0%}"
