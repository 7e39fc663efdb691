"""Opening a database: URL, pragmas, schema version, and errors people can act on."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from sqlalchemy import (
    Connection,
    Engine,
    QueuePool,
    create_engine,
    event,
    func,
    insert,
    inspect,
    make_url,
    select,
    update,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from llmlab_pytest.core import StoreError, know_password, redact
from llmlab_pytest.store._schema import MIGRATIONS, versions

BUSY_TIMEOUT_S = 60.0
READS = {"llmlab_reads": True}
"""Execution options of a transaction that only reads: it asks for no write lock."""
_MIGRATION_LOCK = 0x6C6C6D6C6162
"""Any number that nobody else locks: "llmlab" in ASCII."""
_SQLITE_FIXES = {
    "file is not a database": "Move it away, or name another with --llmlab-store.",
    "database disk image is malformed": "Restore a copy, or name another store.",
    "database or disk is full": "Free space, then run again with --llmlab-resume.",
    "disk i/o error": "Free space or check the disk, then run with --llmlab-resume.",
    "database is locked": "Another process holds it: wait, or name another store.",
    "attempt to write a readonly database": "Make the file and its folder writable.",
    "unable to open database file": "Check that the folder exists and is writable.",
}


def url_of(text: str) -> URL:
    """Parse an SQLAlchemy URL; anything without `://` is the path of an SQLite file.

    Raises:
        StoreError: the URL cannot be parsed.
    """
    know_password(text)
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
    try:
        return make_url(text)
    except ArgumentError as error:
        raise StoreError(
            f"The store {redact(text)!r} is not a database URL.",
            allowed="It takes a file path, sqlite:///PATH or postgresql+psycopg://…",
        ) from error


def connect(url: URL) -> Engine:
    """Create the engine and bring the schema up to date.

    Raises:
        StoreError: not a database, not writable, or from a newer release.
    """
    name = url.render_as_string(hide_password=True)
    try:
        if url.get_backend_name() == "sqlite":
            return _connect_sqlite(url, name)
        engine = create_engine(url, pool_pre_ping=True)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StoreError(
            f"The store {name!r} needs a database driver that is not installed: "
            f"{error}.",
            fix="For PostgreSQL run: pip install 'llmlab-pytest[postgresql]'",
        ) from error
    with explained(name):
        _migrate(engine, name)
    return engine


def lock_file(url: URL) -> Path:
    """Return the file beside an SQLite file by which processes wait for each other."""
    return Path(f"{Path(url.database or '')}.lock")


def _connect_sqlite(url: URL, name: str) -> Engine:
    path = Path(url.database or "")
    with explained(name):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Connections are kept: closing the last one checkpoints the WAL, which costs
        # 8 ms a write. The test's thread and the engine's use one each at a time.
        engine = create_engine(
            url,
            connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
            poolclass=QueuePool,
        )
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin)
        # Workers start together; SQLite's own lock does not cover the switch to WAL.
        with FileLock(lock_file(url), timeout=BUSY_TIMEOUT_S):
            _migrate(engine, name)
    return engine


def _configure_sqlite(
    connection: sqlite3.Connection, _record: ConnectionPoolEntry
) -> None:
    # Transactions are begun by us (IMMEDIATE), not by the driver at the first write:
    # a read lock that turns into a write lock can fail without waiting.
    connection.isolation_level = None
    # WAL: readers and the one writer do not block each other. NORMAL survives
    # kill -9 of any process; only a power cut may lose the last transactions.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    is_read = connection.get_execution_options().get("llmlab_reads", False)
    connection.exec_driver_sql("BEGIN" if is_read else "BEGIN IMMEDIATE")


def _migrate(engine: Engine, name: str) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Workers start together, and creating a table is not safe from that.
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        found = _version(connection)
        if found > len(MIGRATIONS):
            raise StoreError(
                f"The store {name!r} has schema version {found}.",
                allowed=f"This llmlab-pytest knows versions up to {len(MIGRATIONS)}.",
                fix="Upgrade llmlab-pytest, or name another store with --llmlab-store.",
            )
        if found == len(MIGRATIONS):
            return
        for migration in MIGRATIONS[found:]:
            migration(connection)
        if found:
            connection.execute(update(versions).values(version=len(MIGRATIONS)))
        else:
            connection.execute(insert(versions).values(version=len(MIGRATIONS)))


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table(versions.name):
        return 0
    return connection.execute(select(versions.c.version)).scalar() or 0


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn database and file system trouble into a `StoreError` with a remedy."""
    try:
        yield
    except DBAPIError as error:
        cause = str(error.orig)
        fixes = (fix for seen, fix in _SQLITE_FIXES.items() if seen in cause.lower())
        raise StoreError(
            f"The store {name!r} cannot be used: {redact(cause)}.",
            fix=next(fixes, "Check the database, or name another with --llmlab-store."),
        ) from error
    except (OSError, TimeoutError) as error:
        raise StoreError(
            f"The store {name!r} cannot be used: {error}.",
            fix="Name a writable place with --llmlab-store.",
        ) from error
