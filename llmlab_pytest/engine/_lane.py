"""A lane: the queue of one model, and the only code that calls it.

A remote model has many runs in flight with one request each; a local one has one run
in flight with a batch. Both are the same loop with other numbers. Everything here runs
on the engine's event loop, so nothing needs a lock.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from llmlab_pytest.core import (
    Completion,
    LlmlabError,
    Model,
    ModelSpec,
    ProviderError,
    redact,
)
from llmlab_pytest.engine._calls import Job
from llmlab_pytest.engine._journal import Journal
from llmlab_pytest.engine._pool import ModelPool


class Lane:
    """Serves the jobs of one model: those that are needed now first."""

    def __init__(self, spec: ModelSpec, pool: ModelPool, journal: Journal) -> None:
        self._spec = spec
        self._pool = pool
        self._journal = journal
        self._urgent: deque[Job] = deque()
        self._ahead: deque[Job] = deque()
        self._in_flight: set[asyncio.Task[None]] = set()
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
        if job in self._ahead:
            self._ahead.remove(job)

    async def close(self) -> None:
        """Cancel everything; jobs that had no answer get an error."""
        tasks = [self._server, *self._in_flight]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for job in (*self._urgent, *self._ahead):
            _fail(job, _stopped(self._spec))

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
        jobs = self._take(model.batch_size)
        task = asyncio.create_task(self._run_batch(model, jobs))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        if len(self._in_flight) >= model.concurrency:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)

    def _front(self) -> deque[Job] | None:
        """Return the queue whose first job is next, urgent ones first.

        Jobs that an earlier run has answered, or whose request cannot be built, are
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
            queue[0].is_started = True
            jobs.append(queue.popleft())
        return jobs

    def _is_settled(self, job: Job) -> bool:
        def settle() -> bool:
            _ = job.call.request
            earlier = self._journal.lookup(job.call)
            if earlier is not None:
                job.is_started = True
                job.future.set_result(replace(earlier, resumed=True))
            return earlier is not None

        return _guard(job, self._spec, settle)

    async def _run_batch(self, model: Model, jobs: Sequence[Job]) -> None:
        try:
            if jobs:  # else they were dropped while the model was loading
                await self._run(model, jobs)
        except asyncio.CancelledError:
            for job in jobs:
                _fail(job, _stopped(self._spec))
            raise
        finally:
            self._pool.release(self._spec)

    async def _run(self, model: Model, jobs: Sequence[Job]) -> None:
        try:
            completions = await _completions(model, jobs)
        except LlmlabError as error:
            if len(jobs) == 1:
                self._finish_with_error(jobs[0], error)
                return
            # One bad request must not spoil the others of its batch.
            for job in jobs:
                await self._run(model, [job])
            return
        for job, completion in zip(jobs, completions, strict=True):
            self._finish(job, completion)

    def _finish(self, job: Job, completion: Completion) -> None:
        def settle() -> bool:
            self._journal.record(job.call, completion)
            job.future.set_result(completion)
            return True

        _guard(job, self._spec, settle)

    def _finish_with_error(self, job: Job, error: LlmlabError) -> None:
        def settle() -> bool:
            self._journal.record_error(job.call, error)
            _fail(job, error)
            return True

        _guard(job, self._spec, settle)

    def _refuse_all(self, error: LlmlabError) -> None:
        """Fail every queued job: the model cannot be loaded."""
        for queue in (self._urgent, self._ahead):
            while queue:
                self._finish_with_error(queue.popleft(), error)


async def _completions(model: Model, jobs: Sequence[Job]) -> Sequence[Completion]:
    requests = [job.call.request for job in jobs]
    try:
        completions = await model.run(requests)
    except LlmlabError:
        raise
    except Exception as error:  # the boundary to providers
        raise _unexpected(model.spec, error) from error
    if len(completions) != len(requests):
        raise ProviderError(
            f"{model.spec.provider!r} returned {len(completions)} completions "
            f"for {len(requests)} requests.",
            fix="This is a bug of the provider.",
        )
    return completions


def _guard(job: Job, spec: ModelSpec, settle: Callable[[], bool]) -> bool:
    """Run `settle`; whatever it raises becomes the job's error.

    Building a request runs templates, and the journal a database: both raise
    `LlmlabError`. Anything else is a bug that must reach the waiting test rather than
    leave it waiting.
    """
    try:
        return settle()
    except LlmlabError as error:
        _fail(job, error)
    except Exception as error:  # noqa: BLE001 -- see above: re-raised in the test
        _fail(job, _unexpected(spec, error))
    return True


def _fail(job: Job, error: LlmlabError) -> None:
    if not job.future.done():
        job.future.set_exception(error)


def _unexpected(spec: ModelSpec, error: Exception) -> ProviderError:
    wrapped = ProviderError(
        f"{spec.alias!r} ({spec.provider}) failed with "
        f"{type(error).__name__}: {redact(str(error))}",
        fix="This is not an error that the provider explains; see its cause above.",
    )
    wrapped.__cause__ = error
    return wrapped


def _stopped(spec: ModelSpec) -> ProviderError:
    return ProviderError(
        f"The call to {spec.alias!r} was stopped before it ended.",
        fix="Finish the run with --llmlab-resume.",
    )
