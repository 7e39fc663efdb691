"""A database and its writers' turns."""

import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Dialect

from llmlab_pytest.store._connect import (
    BUSY_TIMEOUT_S,
    READS,
    connect,
    explained,
    lock_file,
    url_of,
)

if sys.platform != "win32":  # there SQLite's own lock has to do
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.0002, 0.005


class Database:
    """An open database. Safe for several threads and processes at a time.

    Args:
        url: a database URL, or the path of an SQLite file.

    Raises:
        StoreError: not a database, not writable, or from a newer release.
    """

    def __init__(self, url: str) -> None:
        parsed = url_of(url)
        self._name = parsed.render_as_string(hide_password=True)
        self._engine = connect(parsed)
        self._reader = self._engine.execution_options(**READS)
        is_file = parsed.get_backend_name() == "sqlite"
        self._turns = Turns(lock_file(parsed) if is_file else None)

    @property
    def dialect(self) -> Dialect:
        """What the database speaks."""
        return self._engine.dialect

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read in one transaction, which holds up no writer.

        Raises:
            StoreError: the database cannot be read.
        """
        with explained(self._name), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Write in one transaction, durable at its end.

        Raises:
            StoreError: the database cannot be written.
        """
        with explained(self._name), self._turns.one(), self._engine.begin() as opened:
            yield opened

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
        self._turns.close()


class Turns:
    """Lets the threads and processes that write to one file do so in turn.

    SQLite has one writer at a time, and who finds another one at it sleeps for 1 to
    100 ms before it looks again: two workers would sleep most of the time. Here they
    look again sooner. The lock ends with a process that is killed.

    Args:
        path: of the file that is locked; `None` where the database sees to it.
    """

    def __init__(self, path: Path | None) -> None:
        self._thread = threading.Lock()
        self._is_file = path is not None
        self._file: int | None = None
        if path is not None:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
            self._file = os.open(path, flags, 0o644)
            self._closing = weakref.finalize(self, os.close, self._file)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a turn, and hold it."""
        if not self._is_file or sys.platform == "win32":
            yield
            return
        with self._thread, ExitStack() as end:
            file = self._file
            if file is not None and _is_locked(file):
                end.callback(flock, file, LOCK_UN)
            yield

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with self._thread:
                self._file = None
                self._closing()


def _is_locked(file: int) -> bool:
    """Wait for the lock; not longer than SQLite itself waits, which then decides."""
    if sys.platform == "win32":
        return False
    wait_s, until = _FIRST_WAIT_S, time.monotonic() + BUSY_TIMEOUT_S
    while time.monotonic() < until:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        else:
            return True
    return False
