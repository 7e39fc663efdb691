"""The engine: calls start ahead of the tests that need them.

pytest runs items one after another; model calls must not wait for that. The engine
holds the calls of the coming items in their order and keeps at most `look_ahead` of
them started or finished but not yet used. The window slides over the whole plan, not
per model: memory stays bounded, and a local model is loaded when its tests come near,
not while another one works.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from llmlab_pytest.core import Completion, ProviderError
from llmlab_pytest.engine._calls import Call, Job
from llmlab_pytest.engine._journal import Journal, NullJournal
from llmlab_pytest.engine._lane import Lane
from llmlab_pytest.engine._pool import Loader, ModelPool
from llmlab_pytest.engine._purse import OpenPurse, Purse

_GRACE_S = 5.0
_FREE = 16
"""So many free places of a large window are filled together."""


class Engine:
    """Runs calls on one background thread. Usable from any thread.

    Args:
        load: turns a spec into a model; called once per model, off the event loop.
        journal: finds earlier completions and keeps new ones.
        purse: holds money before a call and books what it cost.
        look_ahead: how many planned calls may be started or finished before they are
            needed; 0 runs each call when it is asked for.
        max_local: how many local models stay in memory.
    """

    def __init__(
        self,
        load: Loader,
        *,
        journal: Journal | None = None,
        purse: Purse | None = None,
        look_ahead: int = 64,
        max_local: int = 2,
    ) -> None:
        self._load = load
        self._journal = journal or NullJournal()
        self._purse = purse or OpenPurse()
        self._window = look_ahead
        self._max_local = max_local
        self._planned: deque[Call] = deque()
        self._planned_keys: set[str] = set()
        self._dropped: set[str] = set()
        self._ahead: dict[str, Job] = {}
        self._lanes: dict[str, Lane] = {}
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool: ModelPool | None = None
        self._is_closed = False

    def look_ahead(self, calls: Iterable[Call]) -> None:
        """Plan calls in the order they will be needed; known keys are ignored."""
        if self._window:
            self._on_loop(self._plan, list(calls))

    def submit(self, call: Call) -> "Future[Completion]":
        """Start a call now, or hand out the one that was started ahead.

        The future raises what the call raised. Cancelling it has no effect.
        """
        wanted: Future[Completion] = Future()
        wanted.set_running_or_notify_cancel()
        if not self._is_handed_out(call, wanted):
            self._on_loop(self._want, call, wanted)
        return wanted

    def _is_handed_out(self, call: Call, wanted: "Future[Completion]") -> bool:
        """Hand out an answer that is there, without waking the engine's thread.

        The two threads would take turns for each item, and each turn may take as long
        as the interpreter lets a thread run. So the engine of a large window is told of
        free places only when there are some. All that is done here to what belongs to
        the engine's thread is to take one entry out of a dictionary.
        """
        job = self._ahead.get(call.key)
        if job is None or not job.future.done():
            return False
        if self._ahead.pop(call.key, None) is None:  # the other thread was faster
            return False
        _hand_over(job.future, wanted, prefetched=job.is_started)
        free = self._window - len(self._ahead)
        is_due = self._planned and not self._is_closed
        if is_due and free >= min(_FREE, max(1, self._window // 4)):
            self._on_loop(self._fill_window)
        return True

    def run(self, call: Call) -> Completion:
        """Return the completion of a call, waiting for it.

        Raises:
            LlmlabError: the model cannot be loaded or could not answer.
        """
        return self.submit(call).result()

    def discard(self, keys: Iterable[str]) -> None:
        """Forget planned calls whose tests will not ask for them."""
        if self._loop is not None and not self._is_closed:
            self._on_loop(self._drop, list(keys))

    def close(self) -> None:
        """Start nothing more, cancel what is in flight, unload the models."""
        with self._start:
            if self._is_closed:
                return
            self._is_closed = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        try:
            stopping = asyncio.run_coroutine_threadsafe(self._shut_down(), loop)
            # On timeout a local model is in the middle of a step.
            with suppress(TimeoutError):
                stopping.result(timeout=_GRACE_S)
        finally:  # also when Ctrl-C is pressed once more
            loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=_GRACE_S)

    def _on_loop(self, function: Any, *arguments: object) -> None:
        with self._start:
            if self._is_closed:
                raise ProviderError(
                    "A model was asked after the run had ended.",
                    fix="Ask models inside tests and fixtures only.",
                )
            if self._loop is None:
                self._loop = self._started_loop()
            # Within the lock: nothing may come after what `close` sends.
            self._loop.call_soon_threadsafe(function, *arguments)

    def _started_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()

        def serve() -> None:
            asyncio.set_event_loop(loop)
            loop.run_forever()
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

        self._thread = threading.Thread(target=serve, name="llmlab-engine", daemon=True)
        self._thread.start()
        return loop

    # What follows runs on the loop only.

    def _plan(self, calls: list[Call]) -> None:
        for call in calls:
            if call.key not in self._planned_keys:
                self._planned_keys.add(call.key)
                self._planned.append(call)
        self._fill_window()

    def _want(self, call: Call, wanted: "Future[Completion]") -> None:
        job = self._ahead.pop(call.key, None)
        if job is None:
            self._skip(call.key)
            job = Job(call)
            self._lane(call).add(job, urgent=True)
            was_started = False
        else:
            was_started = job.is_started
            self._lane(call).hurry(job)
        job.future.add_done_callback(
            lambda done: _hand_over(done, wanted, prefetched=was_started)
        )
        self._fill_window()

    def _drop(self, keys: list[str]) -> None:
        for key in keys:
            job = self._ahead.pop(key, None)
            if job is None:
                self._skip(key)
            else:
                self._lane(job.call).drop(job)
        self._fill_window()

    def _skip(self, key: str) -> None:
        """Leave a key out of the plan, whether it is there already or comes later."""
        if key in self._planned_keys:
            self._dropped.add(key)
        self._planned_keys.add(key)

    def _fill_window(self) -> None:
        while self._planned and len(self._ahead) < self._window:
            call = self._planned.popleft()
            if call.key in self._dropped:
                self._dropped.discard(call.key)
                continue
            job = self._ahead[call.key] = Job(call)
            if call.then is not None:
                job.future.add_done_callback(partial(_go_on, call.then))
            self._lane(call).add(job, urgent=False)

    def _lane(self, call: Call) -> Lane:
        if self._pool is None:
            self._pool = ModelPool(self._load, max_local=self._max_local)
        key = f"{call.spec.alias}:{call.spec.fingerprint}"
        if key not in self._lanes:
            self._lanes[key] = Lane(call.spec, self._pool, self._journal, self._purse)
        return self._lanes[key]

    async def _shut_down(self) -> None:
        self._planned.clear()
        lanes = [asyncio.create_task(lane.close()) for lane in self._lanes.values()]
        if lanes:  # bounded: a model that cannot be cancelled is closed all the same
            await asyncio.wait(lanes, timeout=_GRACE_S / 2)
        if self._pool is not None:
            await self._pool.close()


def _hand_over(
    done: "Future[Completion]", wanted: "Future[Completion]", *, prefetched: bool
) -> None:
    error = done.exception()
    if error is not None:
        wanted.set_exception(_own(error))
    else:
        wanted.set_result(replace(done.result(), prefetched=prefetched))


def _go_on(then: Callable[[Completion], None], done: "Future[Completion]") -> None:
    if done.exception() is None:
        then(done.result())


def _own(error: BaseException) -> BaseException:
    """Copy an error for one caller: raising it adds that caller's frames to it.

    A model that cannot be loaded fails a thousand calls with one error.
    """
    copied = type(error).__new__(type(error), *error.args)
    copied.__dict__.update(error.__dict__)
    copied.__cause__ = error.__cause__
    return copied
