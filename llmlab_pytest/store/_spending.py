"""What runs asked and spent, added up by the database, and the calls themselves."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, func, select

from llmlab_pytest.core import Price
from llmlab_pytest.store import _schema as schema
from llmlab_pytest.store._database import Database
from llmlab_pytest.store._protocol import KeptCall, Samples, Spent
from llmlab_pytest.store._records_json import completion_of

_KEPT = '%"original":{%'
_PRICED = '%"price":{%'
"""Marks in stored JSON; within a text of it the quotes are escaped."""
_PART = 500


def spent_of(database: Database) -> list[Spent]:
    """Return what every run asked, oldest first."""
    said, runs = schema.completions, schema.runs
    by = (said.c.run_id, runs.c.started_at, said.c.task, said.c.model)
    statement = (
        select(
            *by,
            func.count().label("calls"),
            func.count().filter(said.c.content.like(_KEPT)).label("kept"),
            func.sum(said.c.input_tokens).label("read"),
            func.sum(said.c.output_tokens).label("written"),
            func.coalesce(func.sum(said.c.cost_usd), 0.0).label("cost_usd"),
            func.count().filter(said.c.cost_usd.is_(None)).label("unpriced"),
        )
        .join(runs, runs.c.run_id == said.c.run_id)
        .group_by(*by)
        .order_by(runs.c.started_at, *by)
    )
    with database.reading() as connection:
        rows = connection.execute(statement).all()
    return [Spent(*row) for row in rows]


def samples_of(database: Database) -> list[Samples]:
    """Return how many results every run has, by task and model."""
    judged = schema.results
    by = (judged.c.run_id, judged.c.task, judged.c.model)
    statement = select(*by, func.count()).group_by(*by).order_by(*by)
    with database.reading() as connection:
        return [Samples(*row) for row in connection.execute(statement).all()]


def calls_of(database: Database, run_id: str) -> Iterator[KeptCall]:
    """Yield the answered calls of a run in a stable order, read in parts."""
    said = schema.completions
    statement = select(said.c.call_key, said.c.task, said.c.model, said.c.content)
    statement = statement.where(said.c.run_id == run_id).order_by(said.c.call_key)
    last = ""
    while True:
        part = statement.where(said.c.call_key > last).limit(_PART)
        with database.reading() as connection:
            rows = connection.execute(part).mappings().all()
        for row in rows:
            yield KeptCall(row["task"], row["model"], completion_of(dict(row)))
        if len(rows) < _PART:
            return
        last = rows[-1]["call_key"]


def kept_prices(
    database: Database, model: str, *, until: str
) -> Iterator[tuple[str, Price]]:
    """Yield run and price of a model's calls of each run, the latest run first.

    Args:
        database: of the store.
        model: the alias.
        until: the last day that a run may have begun on, `YYYY-MM-DD`.
    """
    said, runs = schema.completions, schema.runs
    chosen = (said.c.model == model, said.c.content.like(_PRICED))
    found = _runs_until(until).where(
        select(said.c.run_id).where(said.c.run_id == runs.c.run_id, *chosen).exists()
    )
    with database.reading() as connection:
        ids = [row[0] for row in connection.execute(found).all()]
    for run_id in ids:
        one = select(said.c.content).where(said.c.run_id == run_id, *chosen)
        with database.reading() as connection:
            content = connection.execute(one.limit(1)).scalar_one()
        yield run_id, Price(**json.loads(content)["price"])


def _runs_until(day: str) -> Select[Any]:
    runs = schema.runs
    # A time of that day is longer than the day, and so sorts behind it.
    return (
        select(runs.c.run_id)
        .where(runs.c.started_at <= f"{day}T99")
        .order_by(runs.c.started_at.desc(), runs.c.run_id.desc())
    )
