"""Where scorers that are coroutines run: one event loop of this process, in a thread.

One for all, so that a client which a scorer keeps open, such as an HTTP session, lives
as long as the process and not as long as one sample.
"""

import asyncio
import atexit
import inspect
import threading
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from typing import Any, Generic, TypeVar

from llmlab_pytest.core import ConfigError

T = TypeVar("T")
R = TypeVar("R")

_THREAD = "llmlab-scorers"
_CONCURRENCY = 16
_CLOSE_S = 2.0


class _Loop:
    """An event loop in a thread, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def running(self) -> asyncio.AbstractEventLoop:
        """Return the loop; start it in a thread of its own the first time."""
        with self._lock:
            if self._loop is None:
                loop = self._loop = asyncio.new_event_loop()
                run = loop.run_forever
                thread = threading.Thread(target=run, name=_THREAD, daemon=True)
                thread.start()
                atexit.register(_close, loop, thread)
            return self._loop


_scoring = _Loop()


def wait_for(
    awaitables: Sequence[Awaitable[T]], *, concurrency: int = _CONCURRENCY
) -> list[T]:
    """Return the results of coroutines, run on the scorers' loop, in order.

    Works with and without an event loop in the calling thread, which it blocks.

    Raises:
        ConfigError: called by a coroutine that runs on the scorers' loop itself.
    """
    loop = _scoring.running()
    if _running_loop() is loop:
        drop(awaitables)
        raise ConfigError(
            "A scorer that is a coroutine waits for another one with score().",
            fix="Write: await ascore(…).",
        )
    together = gathered(awaitables, concurrency=concurrency)
    future = asyncio.run_coroutine_threadsafe(together, loop)
    try:
        return future.result()
    finally:  # after Ctrl-C it is not to go on by itself; else this does nothing
        future.cancel()


async def gathered(
    awaitables: Iterable[Awaitable[T]], *, concurrency: int = _CONCURRENCY
) -> list[T]:
    """Return the results in order; after the first exception the others are cancelled.

    Args:
        awaitables: what to wait for; each is awaited once.
        concurrency: how many coroutines run at the same time, at least 1.
    """
    free = asyncio.Semaphore(concurrency)
    todo = list(awaitables)

    async def result_of(awaitable: Awaitable[T]) -> T:
        async with free:
            return await awaitable

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(result_of(each)) for each in todo]
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    finally:
        drop(todo)
    return [task.result() for task in tasks]


class Later(Generic[R]):
    """What will be made of several awaitables; dropped, it drops them too.

    A coroutine that was never started would leave those that it is to await behind.
    """

    def __init__(
        self,
        awaitables: Iterable[Awaitable[object]],
        finish: Callable[[list[object]], R],
    ) -> None:
        """Take what is waited for, in order, and what is made of the results."""
        self._awaitables = list(awaitables)
        self._finish = finish

    def __await__(self) -> Generator[Any, None, R]:
        """Wait for all at the same time."""
        return self._run().__await__()

    async def _run(self) -> R:
        return self._finish(await gathered(self._awaitables))

    def close(self) -> None:
        """Drop what is waited for."""
        drop(self._awaitables)


def drop(awaitables: Iterable[Awaitable[object]]) -> None:
    """Close coroutines that nobody will await; those that ended stay as they are."""
    for awaitable in awaitables:
        if inspect.iscoroutine(awaitable) or isinstance(awaitable, Later):
            awaitable.close()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _close(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join(_CLOSE_S)
    if not loop.is_running():
        loop.close()
