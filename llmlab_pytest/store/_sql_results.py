"""What became of samples, written into a database: at once, or many together."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete

from llmlab_pytest.core import Sample, SampleResult
from llmlab_pytest.store import _records_json as columns
from llmlab_pytest.store import _schema as schema
from llmlab_pytest.store._database import Database
from llmlab_pytest.store._prepared import PreparedWrites

Row = Mapping[str, Any]
_APART_S = 0.05
"""Results wait where others were written so short a time before: what a process that
is killed had not written is of that time at most, and its answers are kept."""
_MOST_WAITING = 64
"""More together save nothing further."""
_ADDRESS = ("run_id", "task", "model", "sample_id", "epoch")
_OUTDATED = delete(schema.scores).where(
    *(schema.scores.c[name] == bindparam(f"its_{name}") for name in _ADDRESS)
)
"""Old scores of one sample."""


class _Rows(NamedTuple):
    """One result, as the tables take it."""

    sample: Row | None
    result: Row
    scores: Sequence[Row]


class SqlResults:
    """Writes results. A transaction for each takes longer than all else about it.

    Args:
        database: where they go.
        prepared: its statements.
    """

    def __init__(self, database: Database, prepared: PreparedWrites) -> None:
        self._database = database
        self._prepared = prepared
        self._waiting: dict[tuple[Any, ...], _Rows] = {}
        # Held while they are written: whoever settles finds them written.
        self._turn = threading.RLock()
        self._written_at = -_APART_S

    def add(
        self,
        run_id: str,
        result: SampleResult,
        *,
        sample: Sample | None,
        call_key: str | None,
        at_once: bool,
    ) -> None:
        """Keep a result; a later one of the same sample replaces it.

        Args:
            run_id: the run.
            result: what became of the sample.
            sample: what was asked.
            call_key: the completion that was judged.
            at_once: whether it is durable when this returns.

        Raises:
            StoreError: results could not be written; they wait for the next time.
        """
        rows = _rows(run_id, result, sample=sample, call_key=call_key)
        address = tuple(rows.result[name] for name in _ADDRESS)
        with self._turn:
            self._waiting[address] = rows
            is_due = time.monotonic() - self._written_at >= _APART_S
            if at_once or is_due or len(self._waiting) >= _MOST_WAITING:
                self.settle()

    def settle(self) -> None:
        """Write what waits.

        Raises:
            StoreError: it could not be written; it waits for the next time.
        """
        with self._turn:
            if self._waiting:
                self._written_at = -_APART_S  # should it fail, the next tries at once
                with self._database.writing() as connection:
                    self._write(connection, list(self._waiting.values()))
                self._waiting = {}
                self._written_at = time.monotonic()

    def _write(self, connection: Connection, waiting: Sequence[_Rows]) -> None:
        run = self._prepared
        addresses = [{name: rows.result[name] for name in _ADDRESS} for rows in waiting]
        outdated = [
            {f"its_{name}": value for name, value in address.items()}
            for address in addresses
        ]
        scores = [
            {**address, **score}
            for address, rows in zip(addresses, waiting, strict=True)
            for score in rows.scores
        ]
        if samples := [rows.sample for rows in waiting if rows.sample]:
            run.upsert(connection, schema.samples, samples, replace=False)
        results = [rows.result for rows in waiting]
        run.upsert(connection, schema.results, results, replace=True)
        run.write(connection, _OUTDATED, outdated)
        if scores:
            run.upsert(connection, schema.scores, scores, replace=True)


def _rows(
    run_id: str, result: SampleResult, *, sample: Sample | None, call_key: str | None
) -> _Rows:
    asked = columns.sample_columns(sample, task=result.task) if sample else None
    row = {
        "run_id": run_id,
        "sample_hash": asked["sample_hash"] if asked else None,
        "call_key": call_key,
        **columns.result_columns(result),
    }
    scores = [
        {"position": position, **columns.score_columns(score)}
        for position, score in enumerate(result.scores)
    ]
    return _Rows(asked, row, scores)
