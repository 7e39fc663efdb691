"""A lane: the queue of one model, and the only code that calls it.

A remote model has many runs in flight with one request each; a local one has one run
in flight with a batch. Both are the same loop with other numbers. Everything here runs
on the engine's event loop, so nothing needs a lock.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import cast

from llmlab_pytest.core import (
    BatchModel,
    Completion,
    LlmlabError,
    Model,
    ModelSpec,
    ProviderError,
    RetryingModel,
    StoreError,
    listening,
    redact,
)
from llmlab_pytest.engine._calls import Answered, Job
from llmlab_pytest.engine._journal import Journal
from llmlab_pytest.engine._pool import ModelPool
from llmlab_pytest.engine._purse import Purse

_PATIENCE_S = 5.0
"""So long answers that could not be kept together are tried one by one."""
_FIRST_BATCH = 8
"""A batch of 64 takes ten seconds and may end with the answer that is needed first. So
the first one is small, and each further one may be twice as large."""


class Lane:
    """Serves the jobs of one model: those that are needed now first."""

    def __init__(
        self, spec: ModelSpec, pool: ModelPool, journal: Journal, purse: Purse
    ) -> None:
        self._spec = spec
        self._pool = pool
        self._journal = journal
        self._purse = purse
        self._urgent: deque[Job] = deque()
        self._ahead: deque[Job] = deque()
        self._in_flight: dict[asyncio.Task[None], list[Job]] = {}
        self._followers: dict[str, list[Job]] = {}
        """Jobs that wait for another's answer, by its address in the journal."""
        self._known: Model | None = None
        self._is_batched = self._is_retrying = False
        """What kind of model that is: to ask a protocol takes longer than to send."""
        self._most_jobs = _FIRST_BATCH
        self._answered: list[tuple[Job, Completion]] = []
        self._keeping: asyncio.Future[None] | None = None
        self._ended = asyncio.Event()
        self._wakeup = asyncio.Event()
        self._server = asyncio.create_task(self._serve())

    def add(self, job: Job, *, urgent: bool) -> None:
        """Queue a job."""
        (self._urgent if urgent else self._ahead).append(job)
        self._wakeup.set()

    def hurry(self, job: Job) -> None:
        """Move a job that someone now waits for to the front, if it still waits."""
        if not job.is_started and job in self._ahead:
            self._ahead.remove(job)
            self.add(job, urgent=True)

    def drop(self, job: Job) -> None:
        """Forget a job that nobody needs, if it has not started."""
        for jobs in (self._ahead, *self._followers.values()):
            if job in jobs:
                jobs.remove(job)

    async def close(self) -> None:
        """Cancel everything; jobs that have no answer get an error.

        They get it first: a model that resists being cancelled keeps nobody waiting.
        """
        waiting = self._urgent, self._ahead, *self._followers.values()
        self._followers = {}
        for jobs in (*waiting, *self._in_flight.values()):
            self._stop(jobs)
        tasks = [self._server, *self._in_flight]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self) -> None:
        while True:
            await self._wakeup.wait()
            self._wakeup.clear()
            while self._urgent or self._ahead:
                await self._start_next()

    async def _start_next(self) -> None:
        """Start the next batch as soon as the model has room for one."""
        if self._front() is None:
            return
        try:
            model = await self._pool.acquire(self._spec)
        except LlmlabError as error:
            self._refuse_all(error)
            return
        jobs = self._take(min(self._most_jobs, model.batch_size))
        if not jobs:  # they were dropped while the model was loading
            self._pool.release(self._spec)
            return
        self._most_jobs = min(2 * self._most_jobs, max(_FIRST_BATCH, model.batch_size))
        task = asyncio.create_task(self._run(model, jobs))
        self._in_flight[task] = jobs
        task.add_done_callback(self._end)
        while len(self._in_flight) >= model.concurrency:
            self._ended.clear()
            await self._ended.wait()

    def _front(self) -> deque[Job] | None:
        """Return the queue whose first job is next, urgent ones first.

        Jobs whose answer is kept, or whose request cannot be built, are
        settled on the way: a run that is resumed at its end loads no model.
        """
        for queue in (self._urgent, self._ahead):
            while queue:
                if not self._is_settled(queue[0]):
                    return queue
                queue.popleft()
        return None

    def _take(self, limit: int) -> list[Job]:
        """Return the next jobs of one kind, in order."""
        jobs: list[Job] = []
        while len(jobs) < limit and (queue := self._front()):
            if jobs and queue[0].batch_kind() != jobs[0].batch_kind():
                break
            job = queue.popleft()
            if self._follows(job):
                continue
            job.is_started = True
            jobs.append(job)
        return jobs

    def _follows(self, job: Job) -> bool:
        """Let a job wait if another in flight asks the same, to be looked up then.

        If the other one fails, those that waited for it ask, all of them: one after the
        other they would wait for each other's time limits.
        """
        address = None if job.asks_itself else self._journal.address(job.call)
        if address is None:
            return False
        if (followers := self._followers.get(address)) is not None:
            followers.append(job)
            return True
        self._followers[address] = []
        job.future.add_done_callback(lambda ended: self._release(address, ended))
        return False

    def _release(self, address: str, ended: "Future[Completion]") -> None:
        for job in self._followers.pop(address, ()):
            job.is_looked_up = False
            job.asks_itself = ended.exception() is not None
            self.add(job, urgent=True)

    def _is_settled(self, job: Job) -> bool:
        if job.is_looked_up:
            return False
        job.is_looked_up = True

        def settle() -> bool:
            _ = job.call.request
            earlier = self._journal.lookup(job.call)
            if earlier is not None:
                job.is_started = True
                job.future.set_result(earlier)
            return earlier is not None

        return _guard(job, self._spec, settle)

    def _end(self, task: asyncio.Task[None]) -> None:
        """Give the model back; what the run left without an answer gets an error.

        A callback, since a task that is cancelled before its first step runs no code.
        """
        self._stop(self._in_flight.pop(task))
        self._ended.set()
        self._pool.release(self._spec)

    def _stop(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            _fail(job, _stopped(self._spec))

    def _look_at(self, model: Model) -> None:
        if model is not self._known:
            self._known = model
            self._is_batched = isinstance(model, BatchModel)
            self._is_retrying = isinstance(model, RetryingModel)

    async def _run(self, model: Model, jobs: Sequence[Job]) -> None:
        try:
            with _explained(self._spec):
                await self._purse.hold(model, [job.call for job in jobs])
            self._look_at(model)
            if self._is_batched:
                await self._run_each(cast("BatchModel", model), jobs)
                return
            completions = await self._completions(model, jobs)
        except LlmlabError as error:
            if len(jobs) == 1:
                self._finish_with_error(jobs[0], error)
                return
            # One bad request must not spoil the others of its batch.
            for job in jobs:
                if not job.future.done():
                    await self._run(model, [job])
            return
        await self._keep(zip(jobs, completions, strict=True))

    async def _completions(
        self, model: Model, jobs: Sequence[Job]
    ) -> Sequence[Completion]:
        calls = [job.call for job in jobs]
        requests = [call.request for call in calls]
        with _explained(self._spec), _heard(jobs):
            if self._is_retrying:
                completions = await cast("RetryingModel", model).run_retrying(
                    requests, lambda: self._purse.hold_again(model, calls)
                )
            else:
                completions = await model.run(requests)
        if wrong := _mismatch(completions, len(requests)):
            raise _wrong(self._spec, wrong, len(requests))
        return completions

    async def _run_each(self, model: BatchModel, jobs: Sequence[Job]) -> None:
        """Run a batch whose answers come one by one.

        Raises:
            LlmlabError: the batch failed, or an answer is missing.
        """

        def deliver(index: int, completion: Completion) -> None:
            if not jobs[index].future.done():
                self._finish(jobs[index], completion)

        with _explained(self._spec), _heard(jobs):
            await model.run_each([job.call.request for job in jobs], deliver)
        missing = sum(not job.future.done() for job in jobs)
        if missing:
            raise _wrong(self._spec, f"{len(jobs) - missing} completions", len(jobs))

    async def _keep(self, finished: Iterable[tuple[Job, Completion]]) -> None:
        """Record answers together with those that other runs got at the same moment.

        A transaction for each would take the engine's thread as long as the calls.
        """
        self._answered.extend(finished)
        if self._keeping is None:
            loop = asyncio.get_running_loop()
            self._keeping = loop.create_future()
            loop.call_soon(self._record_answered)
        await asyncio.shield(self._keeping)

    def _record_answered(self) -> None:
        answered, self._answered = self._answered, []
        keeping, self._keeping = self._keeping, None
        end = self._finish  # each alone, so that trouble is that of one job
        began = time.monotonic()
        with suppress(BaseException):  # it comes again then
            self._journal.record([Answered(job.call, c) for job, c in answered])
            end = self._hand_out
        for job, completion in answered:
            if end == self._finish and time.monotonic() - began > _PATIENCE_S:
                # A store that is locked would hold up every call for a minute each.
                _fail(job, _not_kept(self._spec))
            else:
                end(job, completion)
        if keeping is not None:
            keeping.set_result(None)

    def _finish(self, job: Job, completion: Completion) -> None:
        def settle() -> bool:
            self._journal.record([Answered(job.call, completion)])
            self._hand_out(job, completion)
            return True

        _guard(job, self._spec, settle)

    def _hand_out(self, job: Job, completion: Completion) -> None:
        def settle() -> bool:
            self._purse.settle(job.call, completion)
            if not job.future.done():  # the lane was closed meanwhile
                job.future.set_result(completion)
            return True

        _guard(job, self._spec, settle)

    def _finish_with_error(self, job: Job, error: LlmlabError) -> None:
        def settle() -> bool:
            self._journal.record_error(job.call, error)
            self._purse.fail(job.call, error)
            _fail(job, error)
            return True

        _guard(job, self._spec, settle)

    def _refuse_all(self, error: LlmlabError) -> None:
        """Fail every queued job without an earlier answer: there is no model."""
        while queue := self._front():
            self._finish_with_error(queue.popleft(), error)


@contextmanager
def _explained(spec: ModelSpec) -> Iterator[None]:
    """Turn whatever a provider raises into an error of ours."""
    try:
        yield
    except (LlmlabError, asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as error:  # the boundary to providers; theirs may even exit
        raise _unexpected(spec, error) from error


def _heard(jobs: Sequence[Job]) -> AbstractContextManager[None]:
    """Let those listen who want to hear an answer while it is written."""
    listeners = [job.call.listener for job in jobs]
    return listening(listeners) if any(listeners) else nullcontext()


def _wrong(spec: ModelSpec, returned: str, count: int) -> ProviderError:
    return ProviderError(
        f"{spec.provider!r} returned {returned} for {count} requests.",
        allowed="A model returns one completion per request, in order.",
        fix="This is a bug of the provider.",
    )


def _mismatch(completions: object, count: int) -> str | None:
    """Say what is wrong with a model's reply to `count` requests."""
    if not isinstance(completions, Sequence):
        return repr(type(completions).__name__)
    strangers = [c for c in completions if not isinstance(c, Completion)]
    if strangers:
        return f"a {type(strangers[0]).__name__!r} among its completions"
    return None if len(completions) == count else f"{len(completions)} completions"


def _guard(job: Job, spec: ModelSpec, settle: Callable[[], bool]) -> bool:
    """Run `settle`; whatever it raises becomes the job's error.

    Building a request runs templates, and the journal a database: both raise
    `LlmlabError`. Anything else, an exit included, must reach the waiting test rather
    than end the engine and leave it waiting.
    """
    try:
        return settle()
    except LlmlabError as error:
        _fail(job, error)
    except BaseException as error:  # noqa: BLE001 -- see above: re-raised in the test
        _fail(job, _unexpected(spec, error))
    return True


def _fail(job: Job, error: LlmlabError) -> None:
    if not job.future.done():
        job.future.set_exception(error)


def _unexpected(spec: ModelSpec, error: BaseException) -> ProviderError:
    wrapped = ProviderError(
        f"{spec.alias!r} ({spec.provider}) failed with "
        f"{type(error).__name__}: {redact(str(error))}",
        fix="This is not an error that the provider explains; see its cause above.",
    )
    wrapped.__cause__ = error
    return wrapped


def _not_kept(spec: ModelSpec) -> StoreError:
    return StoreError(
        f"An answer of {spec.alias!r} could not be kept: the store took too long.",
        fix="Free the store, then finish the run with --llmlab-resume.",
    )


def _stopped(spec: ModelSpec) -> ProviderError:
    return ProviderError(
        f"The call to {spec.alias!r} was stopped before it ended.",
        fix="Finish the run with --llmlab-resume.",
    )
