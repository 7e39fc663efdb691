"""What all models of one server and key share in a process, and when one is down."""

import os
import time
import weakref
from collections.abc import Callable
from weakref import WeakValueDictionary

from llmlab_pytest.core import (
    AuthError,
    LlmlabError,
    MalformedReply,
    ProviderDown,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    load,
)
from llmlab_pytest.providers._remote_options import RemoteOptions
from llmlab_pytest.providers._remote_room import Room
from llmlab_pytest.providers._remote_throttle import Throttle
from llmlab_pytest.providers._workers import worker_count

_FAILURES = 10
"""So many calls in a row without any answer mean that a model cannot be reached."""
_REST_S = 30.0
"""After so long one call may try whether it is back."""
_TELLING = (
    AuthError,
    MalformedReply,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
"""Errors that say something of the server or the key rather than of one request."""
_servers: "WeakValueDictionary[tuple[object, ...], Server]" = WeakValueDictionary()


class Breaker:
    """Stops calls to a model whose server answers none of them.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._tried_at = 0.0
        self._last: LlmlabError | None = None

    def check(self, name: str) -> None:
        """Let a call to the model of that name through.

        Raises:
            ProviderDown: the last calls all failed, and the next try is not due.
        """
        if self._failures < _FAILURES or self._last is None:
            return
        now = self._clock()
        if now - self._tried_at >= _REST_S:
            self._tried_at = now
            return
        raise ProviderDown(
            f"{name} answered none of the last {self._failures} calls; no more are "
            f"made for now. The last said: {self._last.seen}",
            fix=f"{self._last.fix} Then finish the run with --llmlab-resume.",
        )

    def failed(self, error: LlmlabError) -> None:
        """Note that a call failed for good; a refusal of one request is an answer."""
        if isinstance(error, ProviderDown):
            return
        if not isinstance(error, _TELLING):
            self.answered()
        else:
            self._failures += 1
            self._tried_at = self._clock()
            self._last = error

    def answered(self) -> None:
        """Note that a call was answered."""
        self._failures = 0


class Server:
    """One server, asked with one key.

    Args:
        name: for people.
        key: tells apart those whom the server limits apart.
        options: of the first model that asks it.

    Raises:
        ModelError: the workers of a run find no private folder to meet in.
    """

    def __init__(self, name: str, key: str, options: RemoteOptions) -> None:
        self.name = name
        self.throttle = Throttle(
            options.concurrency,
            requests_per_minute=options.requests_per_minute,
            tokens_per_minute=options.tokens_per_minute,
            room=_shared_room(self, key, options),
        )


def server_of(name: str, key: str, options: RemoteOptions, *, loop: object) -> Server:
    """Return what is shared by the models of a server and key that limit it alike."""
    limits = (
        options.concurrency,
        options.requests_per_minute,
        options.tokens_per_minute,
    )
    address = (id(loop), name, hash(key), *limits)
    if (server := _servers.get(address)) is None:
        server = _servers[address] = Server(name, key, options)
    return server


def _shared_room(server: Server, key: str, options: RemoteOptions) -> Room | None:
    """Join the other xdist workers; without any, or without Unix locks, `None`."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None or worker_count() == 1 or os.name != "posix":
        return None
    limits = f"{options.requests_per_minute} {options.tokens_per_minute}"
    companions = load("llmlab_pytest.providers._companions:companions_of")(
        f"{server.name} {limits}", key, run=run, most=options.concurrency
    )
    weakref.finalize(server, companions.close)
    room: Room = companions
    return room
