"""What the workers of a run and the process of their shared model say to each other.

Messages are frozen records, pickled and preceded by their length. Pickles can run code:
they are read only from a socket in a folder of this user alone, after the run's key.
"""

import asyncio
import logging
import pickle
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmlab_pytest.core import Completion, LlmlabError, ModelSpec, Provider, Request

KEY_BYTES = 32
_LENGTH = struct.Struct(">Q")
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a new process is started for; the first thing it reads."""

    spec: ModelSpec
    provider: Provider
    folder: Path
    """Where socket, state and traces of the process lie."""
    starter_pid: int
    """The worker that starts it, its parent."""
    log_level: int
    """Records below this level are not forwarded."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded."""

    pid: int
    digest: str
    batch_size: int
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Learned:
    """The model has found out something about itself and this machine."""

    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ask:
    """Requests to answer; a worker waits for all of them before it asks again."""

    requests: Mapping[int, Request]
    is_alone: bool
    """Whether they may share a batch with nothing: a process died of them before."""


@dataclass(frozen=True, slots=True)
class Started:
    """These requests are computed from now on."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """One request has its completion."""

    number: int
    completion: Completion


@dataclass(frozen=True, slots=True)
class Refused:
    """The model cannot be loaded, or what is unanswered of an `Ask` failed."""

    error: LlmlabError


@dataclass(frozen=True, slots=True)
class Logged:
    """Something was logged about a request of this worker, or while loading."""

    record: Mapping[str, Any]
    """The attributes of a `logging.LogRecord` without arguments or traceback."""

    def show(self) -> None:
        """Log it here, if this process logs it at all."""
        record = logging.makeLogRecord(dict(self.record))
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)


def framed(message: object) -> bytes:
    """Return a message as it goes over the socket."""
    content = pickle.dumps(message)
    return _LENGTH.pack(len(content)) + content


async def next_message(reader: asyncio.StreamReader) -> object:
    """Read one message from a stream.

    Raises:
        EOFError: the other side has gone.
        OSError: likewise.
    """
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return pickle.loads(await reader.readexactly(length))


class Line:
    """A worker's end of the connection, for a thread and for an event loop.

    A model is loaded in a thread and asked on a loop, and tests ask one model on
    several loops: so the socket is bare, and what has arrived is kept here.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        """Connect to the socket at `path` and show the key.

        Raises:
            OSError: nobody listens there.
        """
        self._arrived = bytearray()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
            self._socket.sendall(key)
        except OSError:
            self._socket.close()
            raise

    def receive_now(self) -> object:
        """Wait for the next message in this thread.

        Raises:
            EOFError: the process has gone.
            OSError: likewise.
        """
        self._socket.settimeout(None)
        while not self._is_whole():
            self._keep(self._socket.recv(_CHUNK_BYTES))
        return self._next()

    async def send(self, message: object) -> None:
        """Send a message.

        Raises:
            OSError: the process has gone.
        """
        self._socket.settimeout(0)
        await asyncio.get_running_loop().sock_sendall(self._socket, framed(message))

    async def receive(self) -> object:
        """Wait for the next message; being cancelled loses nothing.

        Raises:
            EOFError: the process has gone.
            OSError: likewise.
        """
        self._socket.settimeout(0)
        loop = asyncio.get_running_loop()
        while not self._is_whole():
            self._keep(await loop.sock_recv(self._socket, _CHUNK_BYTES))
        return self._next()

    def close(self) -> None:
        """Hang up; the other side forgets what it was asked."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _keep(self, chunk: bytes) -> None:
        if not chunk:
            raise EOFError
        self._arrived += chunk

    def _is_whole(self) -> bool:
        if len(self._arrived) < _LENGTH.size:
            return False
        (length,) = _LENGTH.unpack_from(self._arrived)
        return len(self._arrived) >= _LENGTH.size + int(length)

    def _next(self) -> object:
        (length,) = _LENGTH.unpack_from(self._arrived)
        end = _LENGTH.size + length
        content = bytes(self._arrived[_LENGTH.size : end])
        del self._arrived[:end]
        return pickle.loads(content)
