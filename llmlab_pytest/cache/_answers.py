"""The cache of answers: one SQLite file that all workers of all runs share.

Plain `sqlite3`, so that `llmlab cache` starts without a database toolkit; JSON, so that
reading somebody else's cache runs none of their code. Entries are whole or absent: each
is one transaction, and carries a digest of itself.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from llmlab_pytest.cache._address import Asked
from llmlab_pytest.core import CacheError, Completion, digest_of
from llmlab_pytest.store import completion_content, completion_from

FILE_NAME = "answers.sqlite"
_VERSION = 1
_BUSY_TIMEOUT_S = 60.0
_SLACK = 0.9
"""What is left of the limit when entries were dropped: not every answer drops one."""
_EVERY = 64
"""Answers read or kept between two looks at the cache's size."""
_TABLE = """
    CREATE TABLE IF NOT EXISTS answers (
        address TEXT PRIMARY KEY,
        asked TEXT NOT NULL,
        answer TEXT NOT NULL,
        digest TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        used_at TEXT NOT NULL
    ) WITHOUT ROWID
"""
_INDEX = "CREATE INDEX IF NOT EXISTS answers_by_use ON answers (used_at, bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """What the cache knows of one answer."""

    address: str
    asked: Mapping[str, Any]
    """Format, model, request and draw."""
    answer: Mapping[str, Any]
    """The completion as JSON."""
    stored_bytes: int
    created_at: str
    """When the model gave it, ISO 8601 in UTC."""
    used_at: str
    """When it was last read."""


class AnswerCache:
    """An open cache. Safe for several threads and processes at a time.

    Every method raises `CacheError` when the file cannot be read or written. What
    `put` wrote survives the end of the process, however it comes.

    Args:
        path: of the SQLite file.
        max_bytes: above this, those that were not used for longest are dropped;
            `None`: never.
    """

    def __init__(self, path: Path, *, max_bytes: int | None = None) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._used: dict[str, str] = {}
        self._since_look = 0
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path,
                timeout=_BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
            with ExitStack() as undo:
                undo.callback(self._connection.close)
                self._set_up()
                undo.pop_all()

    def __enter__(self) -> Self:
        """Return the cache; it is closed at the end."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the cache."""
        self.close()

    def get(self, asked: Asked) -> Completion | None:
        """Return the answer to what is asked, as the model gave it; `None` without.

        A damaged entry counts as none: the model is asked, and its answer replaces it.
        """
        with self._transaction() as sql:
            query = "SELECT asked, answer, digest FROM answers WHERE address = ?"
            row = sql.execute(query, (asked.address,)).fetchone()
            if row is None or _trouble(asked.address, *row):
                return None
            self._used[asked.address] = _now()
            self._look_after(sql)
        return completion_from(json.loads(row[1]))

    def put(self, asked: Asked, completion: Completion) -> None:
        """Keep an answer; the latest of an address stays."""
        answer = json.dumps(completion_content(completion), allow_nan=False)
        now, stored_bytes = _now(), len(asked.text) + len(answer)
        digest = digest_of([asked.text, answer])
        row = (asked.address, asked.text, answer, digest, stored_bytes, now, now)
        with self._transaction() as sql:
            sql.execute("INSERT OR REPLACE INTO answers VALUES (?,?,?,?,?,?,?)", row)
            self._look_after(sql)

    def entries(self) -> Iterator[CacheEntry]:
        """Yield what is kept, that used last first; damaged entries are left out."""
        query = (
            "SELECT address, asked, answer, digest, bytes, created_at, used_at "
            "FROM answers ORDER BY used_at DESC, address"
        )
        for row in self._rows(query):
            address, asked, answer, digest, stored_bytes, created_at, used_at = row
            if not _trouble(address, asked, answer, digest):
                yield CacheEntry(
                    address=address,
                    asked=json.loads(asked),
                    answer=json.loads(answer),
                    stored_bytes=stored_bytes,
                    created_at=created_at,
                    used_at=used_at,
                )

    def totals(self) -> tuple[int, int]:
        """Return how many answers there are, and their bytes."""
        rows = self._rows("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM answers")
        count, stored_bytes = rows[0]
        return count, stored_bytes

    def damaged(self) -> list[tuple[str, str]]:
        """Return address and trouble of every entry that is not what was written.

        Raises:
            CacheError: the file itself is damaged.
        """
        found = self._rows("PRAGMA integrity_check(1)")[0][0]
        if found != "ok":
            raise self._unusable(found)
        rows = self._rows("SELECT address, asked, answer, digest FROM answers")
        return [(row[0], trouble) for row in rows if (trouble := _trouble(*row))]

    def drop(self, addresses: list[str]) -> None:
        """Remove entries."""
        with self._transaction() as sql:
            query = "DELETE FROM answers WHERE address = ?"
            sql.executemany(query, [(address,) for address in addresses])

    def prune(
        self, *, unused_since: str | None = None, max_bytes: int | None = None
    ) -> int:
        """Drop what was not used for long, and give the disk its space back.

        Args:
            unused_since: drop what was last used before, ISO 8601 in UTC.
            max_bytes: then drop those unused for longest, until this is kept.

        Returns:
            How many were dropped.
        """
        before, _ = self.totals()
        with self._transaction() as sql:
            if unused_since is not None:
                query = "DELETE FROM answers WHERE used_at < ?"
                sql.execute(query, (unused_since,))
            if max_bytes is not None:
                _drop_oldest(sql, max_bytes)
        with self._explained(), self._lock:
            self._connection.execute("VACUUM")
        return before - self.totals()[0]

    def close(self) -> None:
        """Note what was used, and close the file."""
        with self._transaction() as sql:
            self._since_look = _EVERY
            self._look_after(sql)
        self._connection.close()

    def _set_up(self) -> None:
        sql = self._connection
        sql.execute("PRAGMA journal_mode=WAL")
        sql.execute("PRAGMA synchronous=NORMAL")
        sql.execute("BEGIN IMMEDIATE")
        version = sql.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise CacheError(
                f"The cache {str(self.path)!r} has version {version}.",
                allowed=f"This llmlab-pytest knows version {_VERSION}.",
                fix="Remove the file, or name another folder with --llmlab-cache-dir.",
            )
        sql.execute(_TABLE)
        sql.execute(_INDEX)
        sql.execute(f"PRAGMA user_version = {_VERSION}")
        sql.execute("COMMIT")

    def _look_after(self, sql: sqlite3.Connection) -> None:
        """Write down what was used, and drop what is too much, now and then."""
        self._since_look += 1
        if self._since_look < _EVERY:
            return
        self._since_look = 0
        uses = [(used_at, address) for address, used_at in self._used.items()]
        sql.executemany("UPDATE answers SET used_at = ? WHERE address = ?", uses)
        self._used.clear()
        if self._max_bytes is not None:
            total = sql.execute("SELECT SUM(bytes) FROM answers").fetchone()[0] or 0
            if total > self._max_bytes:
                _drop_oldest(sql, int(self._max_bytes * _SLACK))

    def _rows(self, query: str) -> list[Any]:
        with self._transaction() as sql:
            return sql.execute(query).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained(), self._lock:
            # Immediate: a read lock that becomes a write lock can fail at once.
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:  # commits, or rolls back
                yield self._connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(str(error)) from error

    def _unusable(self, cause: str) -> CacheError:
        return CacheError(
            f"The cache {str(self.path)!r} cannot be used: {cause}.",
            fix="Make room, or remove the file: it holds answers that can be asked "
            "again. --llmlab-cache-dir names another folder, --llmlab-cache off none.",
        )


def open_cache(folder: Path, *, max_bytes: int | None = None) -> AnswerCache:
    """Open the cache of a folder, creating it where needed.

    Raises:
        CacheError: the folder cannot be written, or holds something else.
    """
    return AnswerCache(folder / FILE_NAME, max_bytes=max_bytes)


def _drop_oldest(sql: sqlite3.Connection, max_bytes: int) -> None:
    """Drop those unused for longest, until `max_bytes` are kept."""
    sql.execute(
        "DELETE FROM answers WHERE address IN (SELECT address FROM (SELECT address, "
        "SUM(bytes) OVER (ORDER BY used_at DESC, address) AS total FROM answers) "
        "WHERE total > ?)",
        (max_bytes,),
    )


def _trouble(address: str, asked: str, answer: str, digest: str) -> str:
    """Say what is wrong with an entry; empty if nothing is."""
    if Asked(asked).address != address:
        return "what was asked does not belong to this address"
    if digest_of([asked, answer]) != digest:
        return "the answer is not the one that was kept"
    return ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
