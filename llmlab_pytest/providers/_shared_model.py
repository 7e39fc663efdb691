"""A local model that the workers of one xdist run share: the worker's side.

The first worker that needs the model starts a process for it; all others find that one.
A process that dies (memory, a signal, a crash of native code) is replaced, once for all
workers. What it was computing then is suspect: a single request is asked once more,
alone, so that an accident costs nothing; of a batch, the engine asks one by one.
"""

import asyncio
import atexit
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from llmlab_pytest.core import (
    Completion,
    LlmlabError,
    ModelSpec,
    Provider,
    ProviderError,
    Request,
    digest_of,
)
from llmlab_pytest.providers._shared_messages import (
    Answered,
    Ask,
    Assignment,
    Learned,
    Line,
    Logged,
    Ready,
    Refused,
    Started,
)
from llmlab_pytest.providers._shared_place import Place, State, shared_folder

_LOG = logging.getLogger(__name__)
_PROCESS = "llmlab_pytest.providers._shared_process"
_START_S = 120.0
_POLL_S = 0.01
_MOST_DEATHS = 3
_IF_KILLED = (
    "Signal 9 often means that memory ran out: lower batch_size or the context, or "
    "choose a smaller model."
)


class SharedModel:
    """A `BatchModel` that computes in another process, together with other workers.

    Creating one starts the process, if no worker has, and waits until the model is
    loaded.
    """

    concurrency = 1

    def __init__(self, spec: ModelSpec, provider: Provider, *, folder: Path) -> None:
        """Connect to the model, which loads it if need be.

        Raises:
            ConfigError: an option of the spec is unknown or wrong.
            MissingDependency: the provider's package is not installed.
            ModelError: the model cannot be loaded, or the folder is not private.
            ProviderError: its process died again and again.
        """
        self.spec = spec
        self._place = Place(folder)
        self._assignment = Assignment(
            # A hook's mappings may be of a kind that cannot be sent.
            spec=replace(
                spec, defaults=dict(spec.defaults), options=dict(spec.options)
            ),
            provider=provider,
            folder=folder,
            starter_pid=os.getpid(),
            log_level=logging.getLogger("llmlab_pytest").getEffectiveLevel(),
        )
        self._suspects: list[Request] = []
        """What was computed when a process died."""
        atexit.register(self._place.leave)
        self._line, self._ready = self._connected()
        self._is_connected = True
        self._is_closed = False
        self.digest = self._ready.digest
        self.batch_size = self._ready.batch_size
        self.facts = dict(self._ready.facts)
        """What the model has found out about itself and this machine."""

    async def run(self, requests: Sequence[Request]) -> Sequence[Completion]:
        """Answer every request, in order.

        Raises:
            LlmlabError: as `run_each`.
        """
        answered: dict[int, Completion] = {}
        await self.run_each(requests, answered.__setitem__)
        return [answered[index] for index in range(len(requests))]

    async def run_each(
        self, requests: Sequence[Request], deliver: Callable[[int, Completion], None]
    ) -> None:
        """Answer every request; deliver each answer when it is known.

        Raises:
            ProviderError: the process died of these requests, or again and again.
            LlmlabError: what the model raises.
        """
        left = dict(enumerate(requests))
        while left:
            if not self._is_connected:
                await asyncio.to_thread(self._reconnect)
            started: set[int] = set()
            try:
                error = await self._ask(left, started, deliver)
            except (EOFError, ConnectionError):
                died = self._ready.pid
                await asyncio.to_thread(self._reconnect)
                self._suspect(
                    [left[number] for number in sorted(started & left.keys())], died
                )
            else:
                if error is not None:
                    raise error

    async def _ask(
        self,
        left: dict[int, Request],
        started: set[int],
        deliver: Callable[[int, Completion], None],
    ) -> LlmlabError | None:
        """Ask, and take answers until none is left or the rest is refused.

        Whatever ends this in between, a cancellation above all, hangs up: that frees
        our place over there.
        """
        is_settled = False
        try:
            is_alone = any(request in self._suspects for request in left.values())
            await self._line.send(Ask(dict(left), is_alone))
            while left:
                match await self._line.receive():
                    case Started(numbers):
                        started.update(numbers)
                    case Answered(number, completion):
                        self._clear(left.pop(number))
                        deliver(number, completion)
                    case Learned(facts):
                        self.facts = dict(facts)
                    case Logged() as logged:
                        logged.show()
                    case Refused(error):
                        is_settled = True
                        return error
            is_settled = True
        finally:
            if not is_settled:
                self._hang_up()
        return None

    def close(self) -> None:
        """Leave the model to the other workers; without any, its process ends."""
        self._is_closed = True
        self._hang_up()
        self._place.leave()
        atexit.unregister(self._place.leave)

    def _hang_up(self) -> None:
        self._is_connected = False
        self._line.close()

    def _clear(self, request: Request) -> None:
        if request in self._suspects:
            self._suspects.remove(request)

    def _suspect(self, computed: Sequence[Request], died: int) -> None:
        """Let a single request be asked again, once; else say what happened.

        Raises:
            ProviderError: a process died of this request before, or of a batch.
        """
        before = [request for request in computed if request in self._suspects]
        self._suspects.extend(r for r in computed if r not in before)
        if before or len(computed) > 1:
            raise ProviderError(
                f"The process that computes {self.spec.alias!r} for all workers "
                f"{self._place.how_died(died)}; {len(computed)} requests of this "
                "worker were in it.",
                fix=_IF_KILLED,
            )

    def _reconnect(self) -> None:
        """Find the process again, or the one that has replaced it."""
        self._line, self._ready = self._connected()
        self._is_connected = True
        if self._is_closed:  # meanwhile, by an engine that does not wait for us
            self.close()

    def _connected(self) -> tuple[Line, Ready]:
        while True:
            line = self._dialled()
            # It may die while it loads: then the next turn counts that and tries again.
            with suppress(EOFError, ConnectionError):
                return line, self._welcome(line)

    def _welcome(self, line: Line) -> Ready:
        """Wait until the model is loaded.

        Raises:
            LlmlabError: it cannot be loaded.
        """
        is_ready = False
        try:
            while True:
                match line.receive_now():
                    case Ready() as ready:
                        is_ready = True
                        return ready
                    case Logged() as logged:
                        logged.show()
                    case Refused(error):
                        raise error
        finally:
            if not is_ready:
                line.close()

    def _dialled(self) -> Line:
        """Connect to the process; start one if there is none, or none any more.

        Raises:
            LlmlabError: the model could not be loaded before, or it died too often.
        """
        while True:
            with self._place.locked():
                self._place.join()
                if refusal := self._place.refusal():
                    raise refusal
                state = self._place.state() or self._started()
                with suppress(FileNotFoundError, ConnectionError):
                    return Line(self._place.socket, state.key)
                how = self._place.bury(state)
            _LOG.warning("The process that computes %r %s", self.spec.alias, how)

    def _started(self) -> State:
        """Start a process and wait until it listens.

        Raises:
            ProviderError: this has been done too often in vain.
        """
        if self._place.deaths_in_a_row() >= _MOST_DEATHS:
            raise ProviderError(
                f"The process that computes {self.spec.alias!r} for all workers died "
                f"{_MOST_DEATHS} times without an answer in between; the last one "
                f"{self._place.how_died()}.",
                fix=f"{_IF_KILLED} With -n 0 the model is loaded by pytest itself.",
            )
        process = self._spawned()
        end = time.monotonic() + _START_S
        while (state := self._place.state()) is None:
            if process.poll() is not None:
                return State(process.pid, os.getpid(), b"")
            if time.monotonic() > end:
                process.kill()
            time.sleep(_POLL_S)
        return state

    def _spawned(self) -> "subprocess.Popen[bytes]":
        """Start a process that finds what this one can import.

        It leads a session of its own, so that Ctrl-C stops the tests and not the
        computation of others, and does not share the cores with workers: it has all.
        """
        kept = {n: v for n, v in os.environ.items() if not n.startswith("PYTEST_")}
        folders = [entry or str(Path.cwd()) for entry in sys.path]
        with (
            self._place.stderr.open("wb") as stderr,
            tempfile.TemporaryFile() as assignment,
        ):
            assignment.write(pickle.dumps(self._assignment))
            assignment.seek(0)
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", _PROCESS],
                stdin=assignment,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={**kept, "PYTHONPATH": os.pathsep.join(folders)},
                start_new_session=True,
            )
        threading.Thread(target=self._watch, args=(process,), daemon=True).start()
        return process

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        self._place.note_exit(process.pid, process.wait())


def connect(spec: ModelSpec, provider: Provider, *, run: str) -> SharedModel:
    """Return a model that all workers of a run on this machine share.

    Args:
        spec: the model.
        provider: loads it, in the process that is started for it.
        run: an id that the workers of this run have in common, and no other.

    Raises:
        LlmlabError: as `SharedModel`.
    """
    common = [run, str(Path.cwd()), sys.executable, spec.alias, spec.fingerprint]
    return SharedModel(spec, provider, folder=shared_folder(digest_of(common)))
