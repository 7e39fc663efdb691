"""Work of many scorers on one model, in batches that form by themselves.

While the model computes, what else is asked for waits; then all of it is the next
batch. A single question is answered at once, a hundred that come together in a few
steps.
"""

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
        self._compute: Callable[[Sequence[K]], Sequence[V]] | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        # Again by the same thread, where a batch ends before its callback is set.
        self._lock = threading.RLock()
        self._known: OrderedDict[K, Future[V]] = OrderedDict()
        self._waiting: deque[K] = deque()
        self._computed: list[K] = []
        """The batch that is computed now; none: nothing is."""

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
                self._waiting.append(thing)
            self._known.move_to_end(thing)
            self._start()
        return future

    def _start(self) -> None:
        """Compute what waits, unless something is computed."""
        if self._computed or not self._waiting:
            return
        count = min(len(self._waiting), _MOST_IN_BATCH)
        self._computed = [self._waiting.popleft() for _ in range(count)]
        self._worker.submit(self._run, self._computed).add_done_callback(self._settle)

    def _run(self, things: Sequence[K]) -> Sequence[V]:
        if self._compute is None:
            self._compute = self._load()
        return self._compute(things)

    def _settle(self, done: "Future[Sequence[V]]") -> None:
        """Hand out what was computed, or its trouble, and go on."""
        with self._lock:
            futures = [self._known[thing] for thing in self._computed]
            self._computed = []
            self._forget()
            self._start()
        error = done.exception()
        if error is not None:
            for future in futures:
                future.set_exception(_explained(error))
            return
        for future, value in zip(futures, done.result(), strict=True):
            future.set_result(value)

    def _forget(self) -> None:
        """Drop what was used for longest, if it is too much."""
        while len(self._known) > _MOST_KEPT:
            oldest, future = next(iter(self._known.items()))
            if not future.done():
                break
            del self._known[oldest]


def _explained(error: BaseException) -> LlmlabError:
    if isinstance(error, LlmlabError):
        return error
    wrapped = ModelError(
        f"A model of meaning failed: {type(error).__name__}: {redact(str(error))}",
        fix="Check the folder or name of its weights.",
    )
    wrapped.__cause__ = error
    return wrapped
