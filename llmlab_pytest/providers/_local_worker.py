"""The one thread in which a local model computes, and how many cores it may use."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from llmlab_pytest.providers._workers import part_of_worker

T = TypeVar("T")


class Interrupted(Exception):
    """The caller no longer waits for the job."""


class StopSignal:
    """Says whether a running job should give up; asked between two steps."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the job to stop at its next check."""
        self._event.set()

    def check(self) -> None:
        """Raise `Interrupted` if the job should give up."""
        if self._event.is_set():
            raise Interrupted


class LocalWorker:
    """Runs jobs one after another in a thread of its own.

    The event loop stays free while the processor computes. A cancelled `run` makes the
    job stop at its next step, so that Ctrl-C and `-x` do not wait for a long answer.
    """

    def __init__(self, name: str, *, initializer: Callable[[], None]) -> None:
        self._executor = ThreadPoolExecutor(
            max_workers=1, thread_name_prefix=name, initializer=initializer
        )
        self._signals: set[StopSignal] = set()

    async def run(self, job: Callable[[StopSignal], T]) -> T:
        """Run `job` in the thread and return what it returns."""
        signal = StopSignal()
        self._signals.add(signal)
        future = self._executor.submit(job, signal)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            signal.set()
            raise
        finally:
            self._signals.discard(signal)

    def close(self) -> None:
        """Drop waiting jobs, stop the running one at its next step and wait for it."""
        for signal in tuple(self._signals):
            signal.set()
        self._executor.shutdown(wait=True, cancel_futures=True)


def usable_threads() -> int:
    """Return the cores of this process, divided among the xdist workers."""
    cores = (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )
    return part_of_worker(cores)
