"""Lists results by SQL, so that a page of 50 needs no 20,000 records."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from llmlab_pytest.store import _schema as schema
from llmlab_pytest.store._catalogue import Found, Total, Wanted
from llmlab_pytest.store._database import Database

_results, _scores = schema.results, schema.scores
_ADDRESS = ("run_id", "task", "model", "sample_id", "epoch")
_PRIMARY = and_(
    *(_scores.c[name] == _results.c[name] for name in _ADDRESS),
    _scores.c.position == 0,
)
_ESCAPE = "!"
Row = Mapping[str, Any]


class SqlCatalogue:
    """Reads only, each method in one transaction.

    Args:
        database: an open one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, run_id: str, wanted: Wanted) -> list[Found]:
        """Return the results that are wanted, by task, model, sample and epoch.

        Raises:
            StoreError: the database cannot be read.
        """
        columns = [_results.c[name] for name in Found._fields]
        statement = select(*columns).where(_results.c.run_id == run_id)
        for name in ("task", "model"):
            if getattr(wanted, name) is not None:
                statement = statement.where(_results.c[name] == getattr(wanted, name))
        if wanted.outcome is not None:
            statement = statement.outerjoin(_scores, _PRIMARY)
            statement = statement.where(_outcome() == wanted.outcome)
        if wanted.text:
            statement = _with_texts(statement, wanted.text)
        ordered = statement.order_by(*_results.primary_key.columns)
        with self._database.reading() as connection:
            rows = map(dict, connection.execute(ordered).mappings())
            return [
                Found(*(row[name] for name in Found._fields))
                for row in rows
                if not wanted.text or _holds(row, wanted.text)
            ]

    def totals(self, run_ids: Sequence[str] | None = None) -> list[Total]:
        """Return what runs came to, by run, task and model.

        Raises:
            StoreError: the database cannot be read.
        """
        answered = _results.c.error.is_(None)
        key = (_results.c.run_id, _results.c.task, _results.c.model)
        statement = (
            select(
                *key,
                schema.runs.c.started_at,
                func.count().label("results"),
                _count(_results.c.error.is_not(None)).label("errors"),
                func.coalesce(func.sum(_results.c.cost_usd), 0.0).label("cost_usd"),
                _count(and_(_results.c.cost_usd.is_(None), answered)).label("unpriced"),
                _count(_results.c.original.is_not(None)).label("kept"),
            )
            .join(schema.runs, schema.runs.c.run_id == _results.c.run_id)
            .group_by(*key, schema.runs.c.started_at)
            .order_by(schema.runs.c.started_at, *key)
        )
        judged = select(*_scores.primary_key.columns[:3], _scores.c.judgements).where(
            _scores.c.judgements.is_not(None)
        )
        if run_ids is not None:
            statement = statement.where(_results.c.run_id.in_(run_ids))
            judged = judged.where(_scores.c.run_id.in_(run_ids))
        with self._database.reading() as connection:
            rows = [dict(row) for row in connection.execute(statement).mappings()]
            judges = _judges(map(dict, connection.execute(judged).mappings()))
        return [_total(row, judges) for row in rows]


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _outcome() -> ColumnElement[str]:
    """Return what `SampleResult.outcome` says, of the primary score."""
    value = _scores.c.value
    return case(
        (_results.c.error.is_not(None), "error"),
        (value.is_(None), "unscored"),
        (value == 0.0, "miss"),
        (value == 1.0, "hit"),
        else_="partial",
    )


def _with_texts(statement: Select[Any], text: str) -> Select[Any]:
    """Add the texts that are looked through, of the rows that may hold the text.

    They are kept as JSON, whose keys match too: `_holds` looks again.
    """
    kept, said = schema.samples, schema.completions
    empty = '""'
    verdicts = (
        select(
            func.coalesce(_scores.c.answer, empty)
            .concat(",")
            .concat(func.coalesce(_scores.c.explanation, empty))
        )
        .where(_PRIMARY)
        .correlate(_results)
        .scalar_subquery()
    )
    statement = (
        statement.add_columns(_results.c.error, verdicts.label("verdict"))
        .add_columns(kept.c.content.label("sample"), said.c.content.label("completion"))
        .outerjoin(
            kept,
            (kept.c.task == _results.c.task)
            & (kept.c.sample_hash == _results.c.sample_hash),
        )
        .outerjoin(
            said,
            (said.c.run_id == _results.c.run_id)
            & (said.c.call_key == _results.c.call_key),
        )
    )
    if not text.isascii():  # SQL knows no case of what JSON escapes
        return statement
    pattern = _pattern(text)
    parts = (
        *(_results.c.sample_id, _results.c.error, verdicts),
        *(kept.c.content, said.c.content),
    )
    return statement.where(
        or_(*(part.ilike(pattern, escape=_ESCAPE) for part in parts))
    )


def _pattern(text: str) -> str:
    """Return what matches a text as it stands between the quotes of JSON."""
    inner = json.dumps(text)[1:-1]
    for char in (_ESCAPE, "%", "_"):
        inner = inner.replace(char, _ESCAPE + char)
    return f"%{inner}%"


def _holds(row: Row, text: str) -> bool:
    needle = text.casefold()
    return any(needle in part.casefold() for part in _texts(row))


def _texts(row: Row) -> Iterator[str]:
    yield row["sample_id"]
    yield from _values(json.loads(row["error"] or "null"))
    yield from _values(json.loads(f"[{row['verdict'] or ''}]"))
    yield from _values(json.loads(row["sample"] or "null"))
    answered = json.loads(row["completion"] or "{}")
    yield from _values([answered.get("text"), answered.get("tool_calls")])


def _values(value: Any) -> Iterator[str]:
    """Yield every text of a JSON value but the keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        for part in parts:
            yield from _values(part)


def _judges(rows: Iterator[Row]) -> dict[tuple[str, ...], tuple[float, int]]:
    """Return what judges cost by run, task and model, and how often it is unknown."""
    sums: dict[tuple[str, ...], tuple[float, int]] = {}
    for row in rows:
        key = (row["run_id"], row["task"], row["model"])
        for judgement in json.loads(row["judgements"]):
            cost_usd, unknown = sums.get(key, (0.0, 0))
            paid_usd = judgement.get("cost_usd")
            is_unknown = paid_usd is None and bool(judgement.get("calls"))
            sums[key] = (cost_usd + (paid_usd or 0.0), unknown + is_unknown)
    return sums


def _total(row: Row, judges: Mapping[tuple[str, ...], tuple[float, int]]) -> Total:
    judged = judges.get((row["run_id"], row["task"], row["model"]), (0.0, 0))
    found = {name: row[name] for name in Total._fields[:-2]}
    return Total(**found, judges_usd=judged[0], unpriced_judgements=judged[1])
