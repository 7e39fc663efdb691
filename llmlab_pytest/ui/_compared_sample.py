"""View of one sample on several sides, with the words that differ."""

from typing import Any

from llmlab_pytest.core import ConfigError, SampleRecord
from llmlab_pytest.reporting import pieces_of, score
from llmlab_pytest.store import Found
from llmlab_pytest.ui._comparison import (
    Row,
    answer_of,
    comparison_of,
    names_of,
    records_by_id,
)
from llmlab_pytest.ui._links import Query, address
from llmlab_pytest.ui._page import render, shown
from llmlab_pytest.ui._samples import sample_address
from llmlab_pytest.ui._shelf import Shelf


def compared_sample_view(shelf: Shelf, query: Query) -> str:
    """Return one sample on every side, with the words that differ from the first.

    Raises:
        ConfigError: a run is unknown, or has no such task or sample.
    """
    runs, task, name = query.every("run"), query.one("task"), query.one("id")
    metric = query.one("metric")
    found = comparison_of(shelf, runs, metric, "holm")
    sides = found.of_task(task)
    records = [records_by_id(shelf, side, [name]).get(name) for side in sides]
    known = [record for record in records if record is not None]
    rows = [each for each in found.rows.get(task, ()) if each.name == name]
    if not known or not rows:
        raise ConfigError(
            f"None of the runs has the sample {name!r} of {task!r}.",
            fix="Open it from the comparison.",
        )
    cards = [_card(rows[0], place, records) for place in range(len(sides))]
    for card, side, called in zip(cards, sides, names_of(sides), strict=True):
        place = Found(*side.origin, name, 1, None)
        epochs = sum(result.sample_id == name for result in side.results)
        card |= {"name": called, "href": sample_address(side.source, place)}
        card["epochs"] = epochs
    sample = next((record.sample for record in known if record.sample), None)
    return render(
        "compared",
        here="/runs",
        back=address("compare", run=runs, task=task, metric=metric),
        task=task,
        sample=name,
        asked=sample.input if sample else "",
        cards=cards,
    )


def _card(row: Row, place: int, records: list[SampleRecord | None]) -> dict[str, Any]:
    record, first = records[place], shown(answer_of(records[0]))
    text = shown(answer_of(record))
    return {
        "value": score(row.values[place]),
        "change": row.change(place),
        "outcome": record.result.outcome if record else "",
        "why": _why(record),
        "pieces": pieces_of(first, text) if place else [],
        "text": text,
    }


def _why(record: SampleRecord | None) -> str:
    if record is None or not record.result.scores:
        return ""
    return record.result.scores[0].explanation or ""
