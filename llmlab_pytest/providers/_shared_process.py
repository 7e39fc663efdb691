"""The process that a shared model is loaded in: `python -m` runs this module.

One event loop listens to every worker of a run; the model computes in the thread that
every local model has. Requests that wait are merged into one batch, of whichever worker
they are. The process ends by itself shortly after its last worker has gone, so nothing
has to be told to it, and nothing outlives a run that was killed.
"""

import asyncio
import hmac
import logging
import logging.handlers
import os
import pickle
import queue
import secrets
import sys
import threading
from collections.abc import Callable, Iterable

from llmlab_pytest.core import (
    BatchModel,
    Completion,
    ConfigError,
    LlmlabError,
    Model,
    ModelError,
    ModelSpec,
    ProviderError,
    redact,
)
from llmlab_pytest.providers._catalog import ProviderRegistry, load_model
from llmlab_pytest.providers._shared_messages import (
    KEY_BYTES,
    Ask,
    Assignment,
    Learned,
    Logged,
    Ready,
    Refused,
    Started,
    next_message,
)
from llmlab_pytest.providers._shared_place import Place, State
from llmlab_pytest.providers._shared_queue import Queue, Wanted, Worker, by_worker

_LOG = logging.getLogger(__name__)
_FIRST_WORKER_S = 30.0
_LINGER_S = 1.0
"""A worker that unloads the model for another one may be back at once."""


class Service:
    """Answers all workers of a run with one model."""

    def __init__(self, assignment: Assignment, place: Place) -> None:
        self._assignment = assignment
        self._place = place
        self._key = secrets.token_bytes(KEY_BYTES)
        self._workers: set[Worker] = set()
        self._queue = Queue()
        self._arrival = asyncio.Event()
        self._computed: list[Wanted] = []
        """The batch that is computed now."""
        self._task: asyncio.Task[None] | None = None
        self._early: list[Logged] = []
        """What was logged while the model was loading: every worker sees it."""
        self._is_loaded = False
        self._has_answered = False
        self._facts: dict[str, str] = {}

    async def serve(self) -> None:
        """Listen, load the model and answer; ends only with the process."""
        loop = asyncio.get_running_loop()
        self._forward_logs(loop)
        loading = asyncio.create_task(self._load())
        await asyncio.start_unix_server(
            lambda reader, writer: self._meet(reader, writer, loading),
            self._place.socket,
        )
        self._place.join()
        self._place.publish(State(os.getpid(), self._assignment.starter_pid, self._key))
        loop.call_later(_FIRST_WORKER_S, self._end_if_alone)
        await asyncio.wait([loading])
        if error := loading.exception():
            self._place.refuse(_explained(error, self._assignment.spec))
            await asyncio.Event().wait()  # until `_end_if_alone`
        await self._work(loading.result())

    async def _load(self) -> Model:
        """Load the model in a thread: the loop stays free to see workers go.

        Raises:
            LlmlabError: as `load_model`; whatever else is raised became a ModelError.
        """
        loop = asyncio.get_running_loop()
        loading = loop.run_in_executor(None, _loaded, self._assignment)
        await asyncio.wait([loading])
        error, spec = loading.exception(), self._assignment.spec
        if error is None or isinstance(error, LlmlabError):
            self._is_loaded = error is None
            return loading.result()
        _LOG.error("%s cannot be loaded", spec.alias, exc_info=error)
        raise ModelError(
            f"{spec.alias!r} ({spec.provider}:{spec.id}) could not be loaded: "
            f"{type(error).__name__}: {redact(str(error))}",
            fix="Its trace was logged.",
        )

    async def _meet(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        loading: "asyncio.Task[Model]",
    ) -> None:
        """Serve one worker until it has gone, which may be while the model loads."""
        worker = Worker(writer)
        welcome = None
        try:
            key = await reader.readexactly(KEY_BYTES)
            if not hmac.compare_digest(key, self._key):
                return
            self._workers.add(worker)
            welcome = asyncio.create_task(self._welcome(worker, loading))
            while True:
                message = await next_message(reader)
                if isinstance(message, Ask):
                    self._add(worker, message)
        except (EOFError, OSError):
            return
        finally:
            if welcome is not None:
                welcome.cancel()
            self._forget(worker)

    async def _welcome(self, worker: Worker, loading: "asyncio.Task[Model]") -> None:
        """Tell a worker of the model as soon as that is loaded, or why it is not."""
        await asyncio.wait([loading])
        for logged in self._early:
            worker.send(logged)
        if error := loading.exception():
            worker.send(Refused(_explained(error, self._assignment.spec)))
        else:
            model = loading.result()
            worker.send(
                Ready(os.getpid(), model.digest, model.batch_size, _facts(model))
            )

    def _add(self, worker: Worker, ask: Ask) -> None:
        self._queue.waiting.extend(
            Wanted(worker, number, request, ask.is_alone)
            for number, request in ask.requests.items()
        )
        self._arrival.set()

    def _forget(self, worker: Worker) -> None:
        """Free the place of a worker that has gone, with what it has asked."""
        worker.is_here = False
        worker.writer.close()
        self._queue.drop(worker)
        if self._task and not any(want.worker.is_here for want in self._computed):
            self._task.cancel()
        if worker in self._workers:
            self._workers.remove(worker)
            asyncio.get_running_loop().call_later(_LINGER_S, self._end_if_alone)

    def _end_if_alone(self) -> None:
        """End the process if no worker is there.

        At once and without ceremony: the system frees the weights faster, and a model
        that is still being loaded cannot be stopped otherwise.
        """
        if self._workers:
            return
        with self._place.locked():
            self._place.withdraw()
        self._place.leave()
        os._exit(0)

    async def _work(self, model: Model) -> None:
        while True:
            await self._arrival.wait()
            self._arrival.clear()
            while batch := self._queue.take(model.batch_size):
                await self._compute(model, batch)

    async def _compute(self, model: Model, batch: list[Wanted]) -> None:
        """Answer a batch; if it fails, find out whose request it was."""
        for worker, own in by_worker(batch):
            worker.send(Started(tuple(want.number for want in own)))
        self._computed = batch
        self._task = asyncio.create_task(_run(model, batch, self._note_answer))
        await asyncio.wait([self._task])
        task, self._task, self._computed = self._task, None, []
        self._tell_facts(_facts(model))
        left = [want for want in batch if want.is_open and want.worker.is_here]
        if task.cancelled() or not left:
            return
        error = task.exception() or _too_few(model, len(batch) - len(left), len(batch))
        parts = by_worker(batch)
        for worker, own in by_worker(left):
            if len(parts) == 1:
                self._refuse(worker, own, _explained(error, model.spec))
            else:
                await self._compute(model, own)

    def _tell_facts(self, facts: dict[str, str]) -> None:
        """Let every worker know what is new; it hears of it when it asks again."""
        if facts != self._facts:
            self._facts = facts
            for worker in self._workers:
                worker.send(Learned(facts))

    def _refuse(
        self, worker: Worker, left: Iterable[Wanted], error: LlmlabError
    ) -> None:
        """Fail what a worker waits for: it will ask one by one what it still needs."""
        for want in left:
            want.is_open = False
        self._queue.drop(worker)
        worker.send(Refused(error))

    def _note_answer(self) -> None:
        if not self._has_answered:
            self._has_answered = True
            self._place.forgive()

    def _forward_logs(self, loop: asyncio.AbstractEventLoop) -> None:
        root = logging.getLogger()
        root.setLevel(self._assignment.log_level)
        root.addHandler(_Forwarder(loop, self._tell))
        logging.captureWarnings(capture=True)

    def _tell(self, logged: Logged) -> None:
        """Send a record to those whom it concerns: of a batch, its workers."""
        if not self._is_loaded:
            self._early.append(logged)
            return
        for worker in {want.worker for want in self._computed} or self._workers:
            worker.send(logged)


class _Forwarder(logging.handlers.QueueHandler):
    """Hands records to the event loop, with their arguments and traceback as text."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, tell: Callable[[Logged], None]
    ) -> None:
        super().__init__(queue.SimpleQueue())  # unused: `enqueue` hands records on
        self._loop = loop
        self._loop_thread = threading.get_ident()
        self._tell = tell

    def enqueue(self, record: logging.LogRecord) -> None:
        """Forward a record that `prepare` has made fit to be pickled."""
        record.msg = redact(str(record.msg))
        plain = {
            name: value
            for name, value in vars(record).items()
            if isinstance(value, str | int | float | None)
        }
        # Either way a record goes out before the answers that follow it.
        if threading.get_ident() == self._loop_thread:
            self._tell(Logged(plain))
        else:
            self._loop.call_soon_threadsafe(self._tell, Logged(plain))


def _loaded(assignment: Assignment) -> Model:
    """Load the model as a worker would.

    Raises:
        LlmlabError: as `load_model`.
    """
    spec = assignment.spec
    providers = ProviderRegistry()
    providers.register(spec.provider, assignment.provider)
    model = load_model(spec, providers)
    if model.concurrency != 1:
        raise ConfigError(
            f"The provider {spec.provider!r} is registered with is_shared=True, but "
            f"{spec.alias!r} has concurrency={model.concurrency}.",
            allowed="A shared model has concurrency=1: it takes batches.",
            fix="Register it without is_shared.",
        )
    return model


async def _run(
    model: Model, batch: list[Wanted], note_answer: Callable[[], None]
) -> None:
    """Answer a batch, each request as soon as its completion is there."""

    def deliver(index: int, completion: Completion) -> None:
        note_answer()
        batch[index].answer(completion)

    requests = [want.request for want in batch]
    if isinstance(model, BatchModel):
        await model.run_each(requests, deliver)
        return
    completions = await model.run(requests)
    if len(completions) == len(requests):
        for index, completion in enumerate(completions):
            deliver(index, completion)


def _facts(model: Model) -> dict[str, str]:
    return dict(getattr(model, "facts", {}))


def _too_few(model: Model, answered: int, asked: int) -> ProviderError:
    return ProviderError(
        f"{model.spec.provider!r} returned {answered} completions for {asked} "
        "requests.",
        allowed="A model returns one completion per request, in order.",
        fix="This is a bug of the provider.",
    )


def _explained(error: BaseException, spec: ModelSpec) -> LlmlabError:
    """Return an error that a worker can raise; others stay here, with their trace."""
    if isinstance(error, LlmlabError):
        return error
    _LOG.error("%s failed", spec.alias, exc_info=error)
    return ProviderError(
        f"{spec.alias!r} ({spec.provider}) failed with "
        f"{type(error).__name__}: {redact(str(error))}",
        fix="This is not an error that the provider explains; its trace was logged.",
    )


def main() -> None:
    """Read the assignment from standard input and serve it."""
    assignment: Assignment = pickle.load(sys.stdin.buffer)
    service = Service(assignment, Place(assignment.folder))
    asyncio.run(service.serve())


if __name__ == "__main__":
    main()
