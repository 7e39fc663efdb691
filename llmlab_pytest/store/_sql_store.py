"""The store: what runs asked, answered and scored, in one SQL database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any

from sqlalchemy import Table, select, update

from llmlab_pytest.core import (
    Completion,
    Price,
    Sample,
    SampleRecord,
    SampleResult,
    StoreError,
    TaskPlan,
    digest_of,
)
from llmlab_pytest.store import _records_json as columns
from llmlab_pytest.store import _schema as schema
from llmlab_pytest.store._database import Database
from llmlab_pytest.store._prepared import PreparedWrites
from llmlab_pytest.store._protocol import Exchange, KeptCall, RunSummary, Samples, Spent
from llmlab_pytest.store._spending import (
    calls_of,
    kept_prices,
    samples_of,
    spent_of,
)
from llmlab_pytest.store._sql_catalogue import SqlCatalogue
from llmlab_pytest.store._sql_ledger import SqlLedger
from llmlab_pytest.store._sql_results import SqlResults


class SqlStore:
    """An open store. Safe for several threads and processes at a time.

    Every method is one short transaction and raises `StoreError` when the database
    cannot do it; what a method wrote is durable when it returns, but for results that
    may wait: whoever reads results through this store finds them too.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._ledger = SqlLedger(self._database)
        self._catalogue = SqlCatalogue(self._database)
        self._prepared = PreparedWrites(self._database.dialect)
        self._results = SqlResults(self._database, self._prepared)

    @property
    def ledger(self) -> SqlLedger:
        """What was spent and is held for calls, in the same database."""
        return self._ledger

    @property
    def catalogue(self) -> SqlCatalogue:
        """Lists results by what they are, without reading records whole."""
        self._settle_for_reader()
        return self._catalogue

    def start_run(
        self, run_id: str, *, started_at: str, factors: Mapping[str, str]
    ) -> None:
        """Register a run; the first of several calls decides the start time."""
        run = {"run_id": run_id, "started_at": started_at}
        self._write(schema.runs, [run], replace=False)
        self.add_factors(run_id, factors)

    def add_factors(self, run_id: str, factors: Mapping[str, str]) -> None:
        """Add or replace factors of a run."""
        rows = [
            {"run_id": run_id, "name": name, "value": value}
            for name, value in sorted(factors.items())
        ]
        self._write(schema.factors, rows, replace=True)

    def finish_run(self, run_id: str, *, finished_at: str) -> None:
        """Note when the run ended by itself."""
        self.settle()
        statement = update(schema.runs).where(schema.runs.c.run_id == run_id)
        with self._database.writing() as connection:
            connection.execute(statement.values(finished_at=finished_at))

    def runs(self, *, limit: int | None = 20) -> list[RunSummary]:
        """Return the latest runs, newest first; all with `None`."""
        table = schema.runs
        statement = select(table).order_by(
            table.c.started_at.desc(), table.c.run_id.desc()
        )
        return [
            RunSummary(row["run_id"], row["started_at"], row["finished_at"])
            for row in self._read(statement.limit(limit))
        ]

    def run_factors(self, run_id: str) -> dict[str, str]:
        """Return a run's factors by name."""
        table = schema.factors
        statement = select(table).where(table.c.run_id == run_id).order_by(table.c.name)
        return {row["name"]: row["value"] for row in self._read(statement)}

    def plan_task(self, run_id: str, plan: TaskPlan) -> None:
        """Record what a run set out to do; a resumed run replaces it."""
        row = {"run_id": run_id, **columns.plan_columns(plan)}
        self._write(schema.plans, [row], replace=True)

    def plans(self, run_id: str) -> list[TaskPlan]:
        """Return a run's plans, sorted by task and model."""
        table = schema.plans
        statement = select(table).where(table.c.run_id == run_id)
        ordered = statement.order_by(table.c.task, table.c.model)
        return [columns.plan_of(row) for row in self._read(ordered)]

    def record_completions(
        self, run_id: str, exchanges: Mapping[str, Exchange]
    ) -> None:
        """Keep completions by the keys of their calls; the first one of a key stays."""
        rows = [
            {"run_id": run_id, "call_key": key, **_exchange_columns(exchange)}
            for key, exchange in exchanges.items()
        ]
        self._write(schema.completions, rows, replace=False)

    def completion(self, run_id: str, key: str) -> Completion | None:
        """Return the completion of a key, if it was recorded."""
        table = schema.completions
        statement = select(table).where(
            table.c.run_id == run_id, table.c.call_key == key
        )
        rows = self._read(statement)
        return columns.completion_of(rows[0]) if rows else None

    def record_error(
        self, run_id: str, key: str, *, task: str, model: str, error: str
    ) -> None:
        """Keep why a call failed; the latest error of a key stays."""
        row = {
            "run_id": run_id,
            "call_key": key,
            "task": task,
            "model": model,
            "error": columns.dump(error),
        }
        self._write(schema.errors, [row], replace=True)

    def record_result(
        self,
        run_id: str,
        result: SampleResult,
        *,
        sample: Sample | None = None,
        call_key: str | None = None,
        at_once: bool = True,
    ) -> None:
        """Keep a result with its scores, replacing an earlier one.

        Args:
            run_id: the run.
            result: what became of the sample.
            sample: what was asked; its content is kept once per task.
            call_key: the completion that was judged.
            at_once: whether it is durable when this returns; else it may wait for
                others, `settle`, or whoever reads results.
        """
        self._results.add(
            run_id, result, sample=sample, call_key=call_key, at_once=at_once
        )

    def settle(self) -> None:
        """Write the results that wait."""
        self._results.settle()

    def results(
        self, run_id: str, *, task: str | None = None, model: str | None = None
    ) -> list[SampleResult]:
        """Return results in the order of task, model, sample and epoch."""
        self._settle_for_reader()
        scores = {
            address: tuple(columns.score_of(row) for row in rows)
            for address, rows in groupby(
                self._rows_of(schema.scores, run_id, task, model), key=_address
            )
        }
        return [
            columns.result_of(row, scores.get(_address(row), ()))
            for row in self._rows_of(schema.results, run_id, task, model)
        ]

    def taken(
        self, run_id: str, *, task: str | None = None, model: str | None = None
    ) -> list[SampleResult]:
        """Return what `results` returns, but without scores, which take most time."""
        self._settle_for_reader()
        rows = self._rows_of(schema.results, run_id, task, model)
        return [columns.result_of(row, ()) for row in rows]

    def samples(self, run_id: str, *, task: str) -> list[Sample]:
        """Return the samples of a task that a run has results of, by their ids."""
        self._settle_for_reader()
        kept, judged = schema.samples, schema.results
        statement = (
            select(kept)
            .join(
                judged,
                (judged.c.task == kept.c.task)
                & (judged.c.sample_hash == kept.c.sample_hash),
            )
            .where(judged.c.run_id == run_id, judged.c.task == task)
            .order_by(kept.c.sample_id)
            .distinct()
        )
        return [columns.sample_of(row) for row in self._read(statement)]

    def records(
        self, run_id: str, *, task: str, model: str, sample_ids: Sequence[str]
    ) -> list[SampleRecord]:
        """Return everything that is kept of some samples, by their ids and epochs.

        Asked for by parts, so that no caller needs all prompts of a run at a time.
        """
        self._settle_for_reader()
        kept, judged, said = schema.samples, schema.results, schema.completions
        statement = (
            select(judged, kept.c.content.label("sample"), said.c.request)
            .add_columns(said.c.content.label("completion"))
            .outerjoin(
                kept,
                (kept.c.task == judged.c.task)
                & (kept.c.sample_hash == judged.c.sample_hash),
            )
            .outerjoin(
                said,
                (said.c.run_id == judged.c.run_id)
                & (said.c.call_key == judged.c.call_key),
            )
            .order_by(judged.c.sample_id, judged.c.epoch)
        )
        scores = select(schema.scores).order_by(*schema.scores.primary_key.columns)
        chosen = {"run_id": run_id, "task": task, "model": model}
        by_address = {
            address: tuple(map(columns.score_of, rows))
            for address, rows in groupby(
                self._read(_among(scores, schema.scores, chosen, sample_ids)),
                key=_address,
            )
        }
        return [
            columns.record_of(row, by_address.get(_address(row), ()))
            for row in self._read(_among(statement, judged, chosen, sample_ids))
        ]

    def spent(self) -> list[Spent]:
        """Return what every run asked of each model, oldest first."""
        return spent_of(self._database)

    def sample_counts(self) -> list[Samples]:
        """Return how many results every run has, by task and model."""
        self._settle_for_reader()
        return samples_of(self._database)

    def calls(self, run_id: str) -> Iterator[KeptCall]:
        """Yield the answered calls of a run in a stable order."""
        return calls_of(self._database, run_id)

    def prices(self, model: str, *, until: str) -> Iterator[tuple[str, Price]]:
        """Yield run and price of a model's calls up to a day, the latest first."""
        return kept_prices(self._database, model, until=until)

    def close(self) -> None:
        """Write the results that wait, and close every connection."""
        try:
            self.settle()
        finally:
            self._database.close()

    def _settle_for_reader(self) -> None:
        """Let a reader find what waits; of a store that is full, only what it keeps."""
        with suppress(StoreError):  # whoever writes is told
            self.settle()

    def _rows_of(
        self, table: Table, run_id: str, task: str | None, model: str | None
    ) -> Sequence[Mapping[str, Any]]:
        statement = select(table).where(table.c.run_id == run_id)
        if task is not None:
            statement = statement.where(table.c.task == task)
        if model is not None:
            statement = statement.where(table.c.model == model)
        return self._read(statement.order_by(*table.primary_key.columns))

    def _read(self, statement: Any) -> Sequence[Mapping[str, Any]]:
        with self._database.reading() as connection:
            found = connection.execute(statement)
            names = list(found.keys())
            # SQLAlchemy's own mappings look every name up: three times as long.
            return [dict(zip(names, row, strict=True)) for row in found]

    def _write(
        self, table: Table, rows: Sequence[Mapping[str, Any]], *, replace: bool
    ) -> None:
        if not rows:
            return
        with self._database.writing() as connection:
            self._prepared.upsert(connection, table, rows, replace=replace)


def _exchange_columns(exchange: Exchange) -> dict[str, Any]:
    text = columns.dump(exchange.request)
    return {
        "task": exchange.owner,
        "model": exchange.model,
        "request_hash": digest_of(text),
        "request": text,
        **columns.completion_columns(exchange.completion),
    }


def _among(
    statement: Any, table: Table, chosen: Mapping[str, str], sample_ids: Sequence[str]
) -> Any:
    for name, value in chosen.items():
        statement = statement.where(table.c[name] == value)
    return statement.where(table.c.sample_id.in_(sample_ids))


def _address(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["task"], row["model"], row["sample_id"], row["epoch"]
