"""What the xdist workers of a run share of one server: places, pauses and limits.

A small table in a file of a private folder is mapped into every worker. Whoever reads
or writes it holds a lock of the kernel, for microseconds. Each worker has a row; a
second lock tells whether its owner lives, so that a row that `kill -9` left behind
counts for nothing. The times in it are of the monotonic clock, which is one for the
whole machine.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llmlab_pytest.core import digest_of
from llmlab_pytest.providers._remote_room import Row, room_of
from llmlab_pytest.providers._shared_place import Place, shared_folder

_MOST_WORKERS = 256
_TIMES = struct.Struct("=4d")
_ROW = struct.Struct("=qqd")
_BYTES = _TIMES.size + _MOST_WORKERS * _ROW.size
_NOTHING = Row(in_flight=0, waiting=0, since=0.0)


class SharedTime:
    """A point in time that all workers see."""

    def __init__(self, table: "_Table", index: int) -> None:
        self._table = table
        self._at = struct.calcsize("=d") * index

    @property
    def value(self) -> float:
        """The time, seconds."""
        return self.change(lambda at_s: at_s)

    def change(self, new: Callable[[float], float]) -> float:
        """Replace the time by what `new` makes of it, and return that."""
        with self._table.locked() as content:
            (before,) = struct.unpack_from("=d", content, self._at)
            after = new(before)
            if after != before:
                struct.pack_into("=d", content, self._at, after)
        return after


class Companions:
    """One worker's part in the table.

    Args:
        folder: of this run and server; it need not exist.
        most: how many requests may be in flight, of all workers together.
    """

    def __init__(self, folder: Path, *, most: int) -> None:
        """Join the others.

        Raises:
            ModelError: the folder is not private.
        """
        self._most = most
        self._place = Place(folder)
        with self._place.locked():
            self._place.join()
            self._table = _Table(folder / "table")
            self._number, self._mine = self._claimed()
        self.requests_due, self.tokens_due, self.paused_until, self.cut_at = (
            SharedTime(self._table, index) for index in range(4)
        )

    def note(self, *, in_flight: int, waiting: int) -> None:
        """Say what this worker has."""
        with self._table.locked() as content:
            _write(content, self._number, Row(in_flight, waiting, 0.0))

    def take(self, *, in_flight: int, waiting: int, now: float) -> bool:
        """Take one more place, and say whether there was one."""
        with self._table.locked() as content:
            rows = _rows(content)
            mine = Row(in_flight, waiting, rows.pop(self._number).since)
            is_free = room_of(mine, rows.values(), most=self._most) > in_flight
            if not is_free:
                rows = self._alive(rows, content)
                is_free = room_of(mine, rows.values(), most=self._most) > in_flight
            if is_free:
                mine = Row(in_flight + 1, waiting - 1, 0.0)
            elif not mine.since:
                mine = mine._replace(since=now)
            _write(content, self._number, mine)
        return is_free

    def close(self) -> None:
        """Leave the others; the last one removes the folder."""
        with self._table.locked() as content:
            _write(content, self._number, _NOTHING)
        os.close(self._mine)
        self._table.close()
        self._place.leave()

    def _claimed(self) -> tuple[int, int]:
        """Take a row that nobody has; return its number and the lock that says so."""
        for number in range(_MOST_WORKERS):
            if (handle := self._row_lock(number)) is not None:
                with self._table.locked() as content:
                    _write(content, number, _NOTHING)
                return number, handle
        raise AssertionError(f"more than {_MOST_WORKERS} workers")

    def _alive(self, rows: dict[int, Row], content: mmap.mmap) -> dict[int, Row]:
        """Return the rows whose owners live, and clear the others."""
        alive = {}
        for number, row in rows.items():
            if (handle := self._row_lock(number)) is None:
                alive[number] = row
            else:
                _write(content, number, _NOTHING)
                os.close(handle)
        return alive

    def _row_lock(self, number: int) -> int | None:
        """Lock a row as its owner does; `None` if it has one."""
        path = self._place.folder / f"row-{number}"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle


def companions_of(server: str, key: str, *, run: str, most: int) -> Companions:
    """Join the workers of a run that ask a server with a key.

    Args:
        server: its address or vendor, and the limits that are set for it.
        key: what it is asked with; only a digest of all this is written anywhere.
        run: what xdist calls the run.
        most: how many requests may be in flight, of all workers together.

    Raises:
        ModelError: their folder is not private.
    """
    digest = digest_of([run, str(Path.cwd()), server, key, most])
    return Companions(shared_folder(digest), most=most)


class _Table:
    """The mapped file."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.truncate(self._handle, _BYTES)  # keeps what is there
        self._content = mmap.mmap(self._handle, _BYTES)

    @contextmanager
    def locked(self) -> Iterator[mmap.mmap]:
        """Hold the table for oneself."""
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            yield self._content
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """Unmap and close the file."""
        with suppress(BufferError):
            self._content.close()
        os.close(self._handle)


def _rows(content: mmap.mmap) -> dict[int, Row]:
    """Return the rows in use, by number."""
    rows = _ROW.iter_unpack(content[_TIMES.size :])
    return {number: Row(*row) for number, row in enumerate(rows)}


def _write(content: mmap.mmap, number: int, row: Row) -> None:
    _ROW.pack_into(content, _TIMES.size + number * _ROW.size, *row)
