"""Work of many scorers on one model, in batches that form by themselves.

While the model computes, what else is asked for waits; then all of it is the next
batch. A single question is answered at once, a hundred that come together in a few
steps.
"""

import asyncio
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from llmlab_pytest.core import LlmlabError, ModelError, redact

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MOST_IN_BATCH = 256
_MOST_KEPT = 20_000
"""Results that are kept: vectors of 384 numbers take 30 MB."""


class Batches(Generic[K, V]):
    """Answers by a function of many things at once; each thing is computed once.

    Args:
        load: loads the model, in the thread that computes, and returns the function.
        name: of the thread.
    """

    def __init__(
        self, load: Callable[[], Callable[[Sequence[K]], Sequence[V]]], *, name: str
    ) -> None:
        self._load = load
        self._name = name
        self._wanted: queue.SimpleQueue[K] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._known: OrderedDict[K, Future[V]] = OrderedDict()
        self._thread: threading.Thread | None = None

    async def get(self, thing: K) -> V:
        """Return the result for one thing.

        Raises:
            LlmlabError: the model cannot be loaded or does not take it.
        """
        return await asyncio.wrap_future(self.submit(thing))

    def submit(self, thing: K) -> "Future[V]":
        """Ask for the result for one thing; cancelling has no effect."""
        with self._lock:
            future = self._known.get(thing)
            if future is None or (future.done() and future.exception() is not None):
                future = self._known[thing] = Future()
                future.set_running_or_notify_cancel()
                self._wanted.put(thing)
            self._known.move_to_end(thing)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, name=self._name, daemon=True
                )
                self._thread.start()
        return future

    def _serve(self) -> None:
        try:
            compute = self._load()
        except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
            self._fail(error)
            return
        while True:
            self._answer(compute, self._next())

    def _next(self) -> list[K]:
        things = [self._wanted.get()]
        while len(things) < _MOST_IN_BATCH:
            try:
                things.append(self._wanted.get_nowait())
            except queue.Empty:
                break
        return things

    def _answer(
        self, compute: Callable[[Sequence[K]], Sequence[V]], things: Sequence[K]
    ) -> None:
        with self._lock:
            futures = [self._known[thing] for thing in things]
        try:
            found = compute(things)
        except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
            for future in futures:
                future.set_exception(_explained(error))
            return
        for future, value in zip(futures, found, strict=True):
            future.set_result(value)
        self._forget()

    def _forget(self) -> None:
        """Drop what was used for longest, if it is too much."""
        with self._lock:
            while len(self._known) > _MOST_KEPT:
                oldest = next(iter(self._known))
                if not self._known[oldest].done():
                    break
                del self._known[oldest]

    def _fail(self, error: BaseException) -> None:
        """Fail what is asked for now; the next who asks tries to load again."""
        with self._lock:
            self._thread = None
            for thing, future in list(self._known.items()):
                if not future.done():
                    del self._known[thing]
                    future.set_exception(_explained(error))
            self._wanted = queue.SimpleQueue()


def _explained(error: BaseException) -> LlmlabError:
    if isinstance(error, LlmlabError):
        return error
    wrapped = ModelError(
        f"A model of meaning failed: {type(error).__name__}: {redact(str(error))}",
        fix="Check the folder or name of its weights.",
    )
    wrapped.__cause__ = error
    return wrapped
