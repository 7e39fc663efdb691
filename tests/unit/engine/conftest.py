"""Real asyncio models that stop where a test wants them to, and a bench around them.

Every wait has a limit, so that a defect of the engine fails a test, not the run.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Self

import pytest

from llmlab_pytest.core import (
    Completion,
    GenerateConfig,
    GenerateRequest,
    LlmlabError,
    ModelSpec,
    Request,
)
from llmlab_pytest.engine import Answered, Call, Engine

WAIT_S = 20.0
"""Longer than anything here takes on a busy machine; reached only by a defect."""

Reply = Callable[[Sequence[Request]], Any]


def prompt_of(request: Request) -> str:
    if isinstance(request, GenerateRequest):
        return str(request.prompt)
    return request.continuations[0].context


class StepModel:
    """Answers `alias:prompt`; a held one waits in `run` until the test lets it go.

    `batches` are the prompts of each run, in the order in which the runs began.
    """

    def __init__(
        self,
        spec: ModelSpec,
        *,
        concurrency: int = 4,
        batch_size: int = 1,
        is_held: bool = False,
        reply: Reply | None = None,
    ) -> None:
        self.spec = spec
        self.digest = spec.alias
        self.concurrency = concurrency
        self.batch_size = batch_size
        self.is_held = is_held
        self.batches: list[tuple[str, ...]] = []
        self.kinds: list[set[object]] = []
        self.cancelled: list[tuple[str, ...]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.times_closed = 0
        self._reply = reply or self.echo
        self._held: dict[tuple[str, ...], Future[None]] = {}
        self._changed = threading.Condition()

    @property
    def asked(self) -> list[str]:
        """Every prompt, in the order in which it was started."""
        return [prompt for batch in self.batches for prompt in batch]

    def echo(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request with alias and prompt."""
        alias = self.spec.alias
        return [
            Completion(text=f"{alias}:{prompt_of(request)}", model=alias)
            for request in requests
        ]

    async def run(self, requests: Sequence[Request]) -> Any:
        """Answer as the protocol says, once the test lets it."""
        prompts = tuple(map(prompt_of, requests))
        hold = self._enter(prompts, requests)
        try:
            if self.is_held:
                await asyncio.wrap_future(hold)
            else:
                await asyncio.sleep(0)
            return self._reply(requests)
        except asyncio.CancelledError:
            self.cancelled.append(prompts)
            raise
        finally:
            self.in_flight -= 1

    def close(self) -> None:
        """Count the closing."""
        self.times_closed += 1

    def finish(self, *prompts: str) -> None:
        """Let the run of exactly these prompts answer."""
        self._held.pop(prompts).set_result(None)

    def open(self) -> None:
        """Let every run answer, the coming ones too."""
        with self._changed:
            self.is_held = False
            for hold in self._held.values():
                if not hold.done():
                    hold.set_result(None)

    def wait_for_runs(self, count: int) -> None:
        """Wait until `count` runs have begun since the model was made."""
        with self._changed:
            began = self._changed.wait_for(lambda: len(self.batches) >= count, WAIT_S)
        assert began, f"only {self.batches} began"

    def _enter(
        self, prompts: tuple[str, ...], requests: Sequence[Request]
    ) -> Future[None]:
        hold: Future[None] = Future()
        with self._changed:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            self.batches.append(prompts)
            self.kinds.append({getattr(r, "config", type(r)) for r in requests})
            if self.is_held:
                self._held[prompts] = hold
            self._changed.notify_all()
        return hold


class MemoryJournal:
    """A journal that writes what happens, in order, into `events`."""

    def __init__(self) -> None:
        self.earlier: dict[str, Completion] = {}
        self.events: list[tuple[str, str]] = []
        self.recorded: dict[str, Completion] = {}
        self.errors: dict[str, LlmlabError] = {}
        self.lookups: list[str] = []

    def lookup(self, call: Call) -> Completion | None:
        """Find what a test put into `earlier`."""
        self.lookups.append(call.key)
        earlier = self.earlier.get(call.key)
        return earlier and replace(earlier, resumed=True)

    def address(self, _: Call, /) -> str | None:
        """Share no answer."""
        return None

    def record(self, answered: Sequence[Answered]) -> None:
        """Note the recordings, and keep the completions."""
        for call, completion in answered:
            self.events.append(("record", call.key))
            self.recorded[call.key] = completion

    def record_error(self, call: Call, error: LlmlabError) -> None:
        """Note the error."""
        self.events.append(("record_error", call.key))
        self.errors[call.key] = error


class Bench:
    """Makes specs, models, calls and engines; closes the engines at its end."""

    def __init__(self) -> None:
        self.models: dict[str, StepModel] = {}
        self.loads: list[str] = []
        self._engines: list[Engine] = []

    def __enter__(self) -> Self:
        """Begin a test."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the test."""
        self.finish()

    def model(self, alias: str = "m", **settings: Any) -> StepModel:
        """Make the model that the engines of this bench load for `alias`."""
        self.models[alias] = StepModel(self.spec(alias), **settings)
        return self.models[alias]

    @staticmethod
    def spec(alias: str) -> ModelSpec:
        """Make the spec of a model."""
        return ModelSpec(alias=alias, provider="step", id=alias)

    def load(self, spec: ModelSpec) -> StepModel:
        """Return the model of this alias and note its loading."""
        self.loads.append(spec.alias)
        return self.models[spec.alias]

    def engine(self, load: Any = None, **settings: Any) -> Engine:
        """Make an engine that is closed at the end."""
        engine = Engine(load or self.load, **settings)
        self._engines.append(engine)
        return engine

    def call(
        self, prompt: str, alias: str = "m", *, max_tokens: int | None = None
    ) -> Call:
        """Make a call whose key is the prompt and the alias."""
        request = GenerateRequest(prompt, GenerateConfig(max_tokens=max_tokens))
        return Call(
            key=f"{alias}/{prompt}", spec=self.spec(alias), build=lambda: request
        )

    def calls(self, prompts: str, alias: str = "m") -> list[Call]:
        """Make a call for every word."""
        return [self.call(prompt, alias) for prompt in prompts.split()]

    @staticmethod
    def answer(future: "Future[Completion]") -> Completion:
        """Return the completion, in bounded time."""
        return future.result(timeout=WAIT_S)

    def text(self, future: "Future[Completion]") -> str:
        """Return the text, in bounded time."""
        return self.answer(future).text

    @staticmethod
    def error(future: "Future[Completion]") -> BaseException | None:
        """Return the error, in bounded time."""
        return future.exception(timeout=WAIT_S)

    @staticmethod
    def settle(engine: Engine) -> None:
        """Let the engine's loop run dry: what can start has then started."""

        async def turn() -> None:
            for _ in range(50):
                await asyncio.sleep(0)

        loop = engine._loop
        assert loop is not None
        asyncio.run_coroutine_threadsafe(turn(), loop).result(WAIT_S)

    @staticmethod
    def close(engine: Engine) -> None:
        """Close an engine; fail when that does not come back."""
        closing = threading.Thread(target=engine.close, daemon=True)
        closing.start()
        closing.join(WAIT_S)
        assert not closing.is_alive()

    def finish(self) -> None:
        """Close everything; fail if an engine leaves a thread or a loop behind."""
        for model in self.models.values():
            model.open()
        for engine in self._engines:
            self.close(engine)
            assert engine._thread is None or not engine._thread.is_alive()
            assert engine._loop is None or engine._loop.is_closed()


def _left_over(before: set[threading.Thread]) -> list[threading.Thread]:
    """Return threads that a test started, once those that are ending have ended."""
    until = time.monotonic() + WAIT_S
    while (new := set(threading.enumerate()) - before) and time.monotonic() < until:
        time.sleep(0.002)
    return list(new)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Makes what a test of the engine needs, and checks that nothing is left over."""
    before = set(threading.enumerate())
    with Bench() as bench:
        yield bench
    assert _left_over(before) == []


@pytest.fixture(scope="session")
def new_bench() -> type[Bench]:
    """Makes benches for tests that need several; each is a context manager."""
    return Bench


@pytest.fixture
def journal() -> MemoryJournal:
    """A journal in memory."""
    return MemoryJournal()
