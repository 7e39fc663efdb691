"""View of what runs cost: by day, model, task or run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from llmlab_pytest.core import ConfigError
from llmlab_pytest.reporting import money
from llmlab_pytest.store import Total
from llmlab_pytest.ui._links import Query, address
from llmlab_pytest.ui._page import Cell, Head, render
from llmlab_pytest.ui._shelf import Shelf

_BY: dict[str, Callable[[Total], str]] = {
    "day": lambda total: total.started_at.partition("T")[0],
    "model": lambda total: total.model,
    "task": lambda total: total.task,
    "run": lambda total: total.run_id,
}
"""What a total belongs to, by the value of `by`."""


@dataclass(slots=True)
class _Sum:
    """What several totals come to."""

    runs: set[str] = field(default_factory=set)
    results: int = 0
    errors: int = 0
    kept: int = 0
    models_usd: float = 0.0
    judges_usd: float = 0.0
    unknown: int = 0

    def add(self, total: Total) -> None:
        self.runs.add(total.run_id)
        self.results += total.results
        self.errors += total.errors
        self.kept += total.kept
        self.models_usd += total.cost_usd
        self.judges_usd += total.judges_usd
        self.unknown += total.unpriced + total.unpriced_judgements

    @property
    def cost_usd(self) -> float:
        return self.models_usd + self.judges_usd


def costs_view(shelf: Shelf, query: Query) -> str:
    """Return what runs cost, by day unless something else is asked for."""
    by = query.one("by") if query.one("by") in _BY else "day"
    totals = _totals(shelf)
    tasks = sorted({total.task for total in totals})
    models = sorted({total.model for total in totals})
    task, model = query.one("task"), query.one("model")
    chosen = [
        total
        for total in totals
        if task in ("", total.task) and model in ("", total.model)
    ]
    sums: dict[str, _Sum] = {}
    for total in chosen:
        sums.setdefault(_BY[by](total), _Sum()).add(total)
    whole = _Sum()
    for total in chosen:
        whole.add(total)
    return render(
        "costs",
        here="/costs",
        by=by,
        ways=[(w, address("costs", by=w, task=task, model=model)) for w in _BY],
        tasks=tasks,
        task=task,
        models=models,
        model=model,
        heads=_heads(by),
        lines=_lines(by, sums),
        whole=told(whole.cost_usd, whole.unknown),
        runs=len(whole.runs),
        results=whole.results,
    )


def _totals(shelf: Shelf) -> Sequence[Total]:
    try:
        return shelf.store.catalogue.totals()
    except ConfigError:  # no store yet
        return ()


def told(cost_usd: float, unknown: int) -> str:
    """Return a cost; where some of it is unknown, it is at least what is known."""
    return f"at least {money(cost_usd)}" if unknown else money(cost_usd)


def _heads(by: str) -> list[Head]:
    numbers = ("runs", "results", "err", "kept", "models", "judges", "unknown", "cost")
    return [
        Head(by, "title"),
        Head("share", "drawn"),
        *(Head(n, "number") for n in numbers),
    ]


def _lines(by: str, sums: dict[str, _Sum]) -> list[tuple[float, list[Cell]]]:
    """Return the width of a bar, from 0 to 1, and the cells of each sum.

    Days are in their order, the latest first; all else begins with the dearest.
    """
    most = max((each.cost_usd for each in sums.values()), default=0.0) or 1.0
    names = sorted(sums, reverse=True)
    if by != "day":
        names.sort(key=lambda name: -sums[name].cost_usd)
    return [
        (sums[name].cost_usd / most, _cells(by, name, sums[name])) for name in names
    ]


def _cells(by: str, name: str, own: _Sum) -> list[Cell]:
    return [
        Cell(name, address("runs", name) if by == "run" else ""),
        Cell(""),
        Cell(f"{len(own.runs):,}"),
        Cell(f"{own.results:,}"),
        Cell(f"{own.errors:,}"),
        Cell(f"{own.kept:,}"),
        Cell(money(own.models_usd)),
        Cell(money(own.judges_usd)),
        Cell(f"{own.unknown:,}"),
        Cell(told(own.cost_usd, own.unknown)),
    ]
