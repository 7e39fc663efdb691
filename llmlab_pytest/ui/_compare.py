"""View that sets runs, or models and prompts of one, side by side on equal samples."""

from collections.abc import Callable, Sequence

from llmlab_pytest.comparing import Compared, Side
from llmlab_pytest.core import SampleRecord
from llmlab_pytest.reporting import interval, money, p_value, score, seconds
from llmlab_pytest.ui._comparison import (
    CORRECTIONS,
    Comparison,
    Row,
    answer_of,
    comparison_of,
    names_of,
    records_by_id,
)
from llmlab_pytest.ui._links import Query, address
from llmlab_pytest.ui._page import Cell, Head, pager_of, render, shown
from llmlab_pytest.ui._runs import span_of
from llmlab_pytest.ui._shelf import Shelf

_BY = 25
_BRIEF = 160
_SHOWN = {
    "changed": "that differ",
    "higher": "higher than the first",
    "lower": "lower than the first",
    "all": "all",
}
"""What is said of the samples that are shown, by the value of `show`."""
_SIDES = (
    Head("task", "title"),
    Head("model", "wide"),
    Head("metric", "wide"),
    Head("0 to 1", "drawn"),
    *(Head(name, "number") for name in ("value", "95% interval", "n", "err")),
    *(Head(name, "number") for name in ("cost", "p50")),
)
_CHANGES = (
    Head("task", "title"),
    Head("model", "wide"),
    Head("against", "wide"),
    *(Head(name, "number") for name in ("difference", "95% interval")),
    *(Head(name, "number") for name in ("higher", "lower", "same", "p")),
)


def compare_view(shelf: Shelf, query: Query) -> str:
    """Return runs or models side by side: values, differences, samples.

    Raises:
        ConfigError: a run is unknown, or there is nothing to compare.
    """
    runs, metric = query.every("run"), query.one("metric")
    correct = query.one("correct") if query.one("correct") in CORRECTIONS else "holm"
    found = comparison_of(shelf, runs, metric, correct)
    task = query.one("task")
    task = task if task in found.tasks else found.tasks[0]
    sides = found.of_task(task)
    show = query.one("show") if query.one("show") in _SHOWN else "changed"
    rows = found.rows[task]
    chosen = [row for row in rows if row.is_shown(show)]

    def link(page: int) -> str:
        kept = {"metric": metric, "correct": correct, "task": task, "show": show}
        return address("compare", run=runs, page=page, **kept) + "#samples"

    def open_sample(name: str) -> str:
        asked = {"metric": metric, "task": task, "id": name}
        return address("compare", "sample", run=runs, **asked)

    pager, part = pager_of(len(chosen), query.number("page"), _BY, link)
    return render(
        "compare",
        here="/runs",
        runs=runs,
        metric=metric,
        correct=correct,
        corrections={name: head for name, (head, _) in CORRECTIONS.items()},
        side_heads=_SIDES,
        sides=_side_lines(found),
        change_heads=(
            *_CHANGES,
            Head(found.heading, "number"),
            Head("finds", "number"),
        ),
        changes=_change_lines(found),
        finds=any(_finds(each) for each in found.compared),
        tested=sum(each.corrected_p is not None for each in found.compared),
        left_out=_left_out(found),
        tasks=found.tasks,
        task=task,
        show=show,
        shows=_SHOWN,
        counts={name: sum(row.is_shown(name) for row in rows) for name in _SHOWN},
        names=names_of(sides),
        rows=_sample_lines(shelf, sides, chosen[part], open_sample),
        pager=pager,
    )


def _side_lines(found: Comparison) -> list[list[Cell]]:
    lines = []
    names = names_of(found.sides)
    for side, row, name in zip(found.sides, found.lines, names, strict=True):
        (metric,) = row.metrics
        task, model = side.origin
        link = address("runs", side.source, "samples", task=task, model=model)
        taken = (
            *(score(metric.value), interval(metric), f"{metric.n}", f"{row.errors}"),
            *(money(row.cost_usd), seconds(row.latency_p50_s)),
        )
        lines.append(
            [
                *(Cell(side.task, link), Cell(name), Cell(side.metric)),
                *(Cell("", span=span_of(metric)), *map(Cell, taken)),
            ]
        )
    return lines


def _change_lines(found: Comparison) -> list[list[Cell]]:
    lines = []
    for each in found.compared:
        first, second = names_of(each.pair)
        texts = [each.pair.second.task, second, first, *_numbers(each)]
        is_found = each.is_found
        kind = "best" if is_found else ""
        lines.append([Cell(text, kind=kind) for text in texts])
    return lines


def _numbers(each: Compared) -> list[str]:
    found, ends = each.found, each.found.interval
    counts = ["-", "-", "-"]
    if found.is_paired:
        counts = [f"{len(found.wins)}", f"{len(found.losses)}", f"{found.ties}"]
    return [
        "-" if found.value is None else f"{found.value:+.3f}",
        f"[{ends.low:+.3f}, {ends.high:+.3f}]" if ends else "-",
        *counts,
        p_value(found.p),
        p_value(each.corrected_p),
        _finds(each),
    ]


def _finds(each: Compared) -> str:
    return "" if each.finds is None else f"{each.finds:.3f}"


def _left_out(found: Comparison) -> list[str]:
    lines = []
    for each in found.compared:
        if each.left_out:
            first, second = names_of(each.pair)
            where = f"{each.pair.second.task}: {second} against {first}"
            lines.append(f"{where}: {each.left_out} samples are not in both, or differ")
    return lines


def _sample_lines(
    shelf: Shelf,
    sides: Sequence[Side],
    rows: Sequence[Row],
    link: Callable[[str], str],
) -> list[tuple[Cell, list[tuple[Cell, str]]]]:
    """Return a line per sample: its name, then value and answer on each side."""
    names = [row.name for row in rows]
    records = [records_by_id(shelf, side, names) for side in sides]
    return [
        (
            Cell(row.name, link(row.name)),
            [
                (_told(row, place), _brief(own.get(row.name)))
                for place, own in enumerate(records)
            ],
        )
        for row in rows
    ]


def _told(row: Row, place: int) -> Cell:
    change = row.change(place)
    sign = {"higher": "▲ ", "lower": "▼ "}.get(change, "")
    return Cell(f"{sign}{score(row.values[place])}", kind=change)


def _brief(record: SampleRecord | None) -> str:
    line = " ".join(shown(answer_of(record)).split())
    return line if len(line) <= _BRIEF else f"{line[: _BRIEF - 1]}…"
