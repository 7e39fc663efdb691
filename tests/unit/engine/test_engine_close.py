"""Closing is prompt, final and quiet; nobody is left waiting."""

import asyncio
import logging
import signal
import threading
from concurrent.futures import Future, wait
from typing import Any

import pytest

from llmlab_pytest.core import ProviderError
from llmlab_pytest.engine import NullJournal, OpenPurse
from llmlab_pytest.engine._calls import Job
from llmlab_pytest.engine._lane import Lane
from llmlab_pytest.engine._pool import ModelPool

WAIT_S = 20.0
GRACE = "llmlab_pytest.engine._engine._GRACE_S"


@pytest.fixture
def endless_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing that has to wait for its grace period does not come back."""
    monkeypatch.setattr(GRACE, 3600)


@pytest.fixture
def brief_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that cannot be stopped is given up soon."""
    monkeypatch.setattr(GRACE, 0.2)


def _stopped(bench: Any, future: "Future[Any]") -> bool:
    error = bench.error(future)
    return type(error) is ProviderError and "was stopped" in str(error)


@pytest.mark.usefixtures("endless_grace")
def test_close_cancels_calls_and_nothing_starts_afterwards(bench: Any) -> None:
    """Calls under way are cancelled, waiting ones end, planned ones never start."""
    model = bench.model(concurrency=2, is_held=True)
    engine = bench.engine(look_ahead=3)
    engine.look_ahead(bench.calls("a b c d e"))
    model.wait_for_runs(2)
    futures = [engine.submit(call) for call in bench.calls("a c x")]
    bench.close(engine)
    assert all(_stopped(bench, future) for future in futures)
    assert sorted(model.cancelled) == [("a",), ("b",)]
    assert model.asked == ["a", "b"]
    assert model.times_closed == 1


@pytest.mark.parametrize("method", ["submit", "run"])
def test_asking_after_close_is_a_clear_error(bench: Any, method: str) -> None:
    """A call after the end says so at once, wherever it comes from."""
    model = bench.model()
    engine = bench.engine()
    bench.answer(engine.submit(bench.call("a")))
    bench.close(engine)
    with pytest.raises(ProviderError, match=r"after the run had ended\. Ask models in"):
        getattr(engine, method)(bench.call("b"))
    with pytest.raises(ProviderError, match="after the run had ended"):
        engine.look_ahead(bench.calls("c"))
    engine.discard(["m/d"])
    assert model.asked == ["a"]


def test_closing_again_does_nothing(bench: Any) -> None:
    """Close may come from several places, at once or one after another."""
    model = bench.model(is_held=True)
    engine = bench.engine()
    future = engine.submit(bench.call("a"))
    model.wait_for_runs(1)
    threads = [threading.Thread(target=engine.close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    bench.close(engine)
    assert _stopped(bench, future)
    assert model.times_closed == 1


@pytest.mark.parametrize("ticks", range(16))
def test_a_lane_that_closes_at_any_moment_ends_every_job(
    bench: Any, ticks: int
) -> None:
    """A run that is cancelled before its first step still ends its jobs."""
    model = bench.model(concurrency=1, is_held=True)
    jobs = [Job(call) for call in bench.calls("a b")]

    async def close_while_the_next_run_starts() -> int:
        pool = ModelPool(bench.load, max_local=1)
        lane = Lane(bench.spec("m"), pool, NullJournal(), OpenPurse())
        for job in jobs:
            lane.add(job, urgent=False)
        await asyncio.to_thread(model.wait_for_runs, 1)
        model.finish("a")
        for _ in range(ticks):
            await asyncio.sleep(0)
        await lane.close()
        return sum(pool._users.values())

    used = asyncio.run(asyncio.wait_for(close_while_the_next_run_starts(), WAIT_S))
    assert used == 0
    assert all(job.future.done() for job in jobs)
    assert _stopped(bench, jobs[1].future)


def test_a_call_that_overtakes_close_is_not_lost(bench: Any) -> None:
    """Asking and closing at once: the call comes first and is stopped, or fails."""
    bench.model(is_held=True)
    engine = bench.engine()
    engine.look_ahead([])
    loop, closing = engine._loop, threading.Thread(target=engine.close)

    class SlowLoop:
        """Asks the real loop only after another thread has tried to close it."""

        @staticmethod
        def call_soon_threadsafe(*arguments: Any) -> Any:
            engine._loop = loop
            closing.start()
            closing.join(0.05)
            return loop.call_soon_threadsafe(*arguments)

    engine._loop = SlowLoop()
    future = engine.submit(bench.call("a"))
    closing.join(WAIT_S)
    assert not closing.is_alive()
    assert _stopped(bench, future)


@pytest.mark.parametrize("repetition", range(20))
def test_threads_that_ask_while_another_closes_all_come_back(
    bench: Any, repetition: int
) -> None:
    """Each call is answered, stopped, or refused because the run has ended."""
    bench.model("remote", concurrency=3)
    bench.model("local", concurrency=1, batch_size=4)
    engine = bench.engine(look_ahead=repetition)
    engine.look_ahead(bench.calls("0-0 0-1 0-2 0-3 0-4", "local"))
    outcomes: list[str] = []
    ready = threading.Barrier(5)

    def ask(asker: int) -> None:
        ready.wait(WAIT_S)
        for number in range(40):
            alias = ("remote", "local")[number % 2]
            try:
                future = engine.submit(bench.call(f"{asker}-{number}", alias))
                outcomes.append(future.result(timeout=WAIT_S).text)
            except ProviderError as error:
                outcomes.append(str(error))

    askers = [threading.Thread(target=ask, args=(n,), daemon=True) for n in range(4)]
    for asker in askers:
        asker.start()
    ready.wait(WAIT_S)
    threading.Event().wait(repetition / 2000)
    bench.close(engine)
    for asker in askers:
        asker.join(WAIT_S)
        assert not asker.is_alive()
    assert len(outcomes) == 160
    answers = {f"remote:{a}-{n}" for a in range(4) for n in range(0, 40, 2)}
    answers |= {f"local:{a}-{n}" for a in range(4) for n in range(1, 40, 2)}
    for outcome in set(outcomes) - answers:
        assert "was stopped" in outcome or "run had ended" in outcome


@pytest.mark.usefixtures("endless_grace")
def test_a_batch_that_computes_in_a_thread_is_left_behind(bench: Any) -> None:
    """Close does not wait for a local model's thread, and its caller is told."""
    computing, enough = threading.Event(), threading.Event()

    class ThreadModel:
        spec = bench.spec("t")
        digest, concurrency, batch_size = "t", 1, 2

        async def run(self, _: Any) -> Any:
            return await asyncio.to_thread(self._compute)

        def _compute(self) -> None:
            computing.set()
            enough.wait(WAIT_S)

        def close(self) -> None:
            closed.append("t")

    closed: list[str] = []
    engine = bench.engine(lambda _: ThreadModel())
    future = engine.submit(bench.call("a", "t"))
    assert computing.wait(WAIT_S)
    try:
        bench.close(engine)
        assert _stopped(bench, future)
        assert closed == ["t"]
    finally:
        enough.set()


@pytest.mark.usefixtures("brief_grace")
def test_a_model_that_resists_keeps_nobody_waiting(bench: Any) -> None:
    """Callers hear of the end although the model swallows its cancellation."""
    enough = threading.Event()

    class Stubborn(type(bench.model())):
        async def run(self, requests: Any) -> Any:
            self.batches.append(("resists",))
            while not enough.is_set():
                try:
                    await asyncio.sleep(0.001)
                except asyncio.CancelledError:
                    self.cancelled.append(("resists",))
            return self.echo(requests)

    model = Stubborn(bench.spec("m"), concurrency=1)
    engine = bench.engine(lambda _: model)
    future = engine.submit(bench.call("a"))
    while not model.batches:
        bench.settle(engine)
    closing = threading.Thread(target=engine.close)
    closing.start()
    assert _stopped(bench, future)
    closing.join(WAIT_S)
    assert not closing.is_alive()
    assert model.times_closed == 1
    assert model.cancelled


@pytest.mark.usefixtures("endless_grace")
def test_a_model_that_loads_during_close_is_closed_on_arrival(bench: Any) -> None:
    """Loading cannot be cancelled; close goes on, and the model is not leaked."""
    model = bench.model()
    loading, may_load = threading.Event(), threading.Event()

    def load(spec: Any) -> Any:
        loading.set()
        may_load.wait(WAIT_S)
        return model

    engine = bench.engine(load)
    futures = [engine.submit(call) for call in bench.calls("a b")]
    assert loading.wait(WAIT_S)
    bench.close(engine)
    assert all(_stopped(bench, future) for future in futures)
    assert model.times_closed == 0
    may_load.set()
    for _ in range(1000):
        if model.times_closed:
            break
        threading.Event().wait(0.002)
    assert (model.times_closed, model.asked) == (1, [])


def test_a_model_that_cannot_be_closed_does_not_keep_the_others_open(
    bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Trouble while closing is logged; the run has its results already."""

    def fail() -> None:
        raise ValueError("stuck")

    for alias in ("a", "b", "c"):
        bench.model(alias)
    bench.models["b"].close = fail
    engine = bench.engine()
    for alias in ("a", "b", "c"):
        bench.answer(engine.submit(bench.call("x", alias)))
    with caplog.at_level(logging.WARNING, logger="llmlab_pytest.engine"):
        bench.close(engine)
    ours = [r.message for r in caplog.records if r.name.startswith("llmlab_pytest")]
    assert ours == ["Closing 'b' failed with ValueError: stuck"]
    assert [bench.models[alias].times_closed for alias in "ac"] == [1, 1]
    assert engine._loop.is_closed()


def test_models_are_closed_while_their_loop_runs(bench: Any) -> None:
    """A model may close connections in the loop that opened them."""
    ran_in: list[bool] = []
    model = bench.model()
    model.close = lambda: ran_in.append(
        engine._loop.is_running() and threading.current_thread() is not engine._thread
    )
    engine = bench.engine()
    bench.answer(engine.submit(bench.call("a")))
    bench.close(engine)
    assert ran_in == [True]


def test_an_open_stream_is_closed_with_the_engine(bench: Any) -> None:
    """An async generator that a model left open runs its last lines."""
    ended: list[str] = []

    async def stream() -> Any:
        try:
            yield "chunk"
        finally:
            ended.append("closed")

    model = bench.model()
    echo, kept = model.run, stream()

    async def run(requests: Any) -> Any:
        await anext(kept)
        return await echo(requests)

    model.run = run
    engine = bench.engine()
    bench.answer(engine.submit(bench.call("a")))
    assert ended == []
    bench.close(engine)
    assert ended == ["closed"]


def _interrupt_when(ready: Any) -> threading.Thread:
    """Press Ctrl-C in the main thread once `ready()` returns."""

    def press() -> None:
        ready()
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=press, daemon=True)
    thread.start()
    return thread


def test_an_interrupted_wait_leaves_the_engine_usable(bench: Any) -> None:
    """Ctrl-C reaches the thread that waits; calls go on until the engine closes."""
    model = bench.model(is_held=True)
    engine = bench.engine()
    presser = _interrupt_when(lambda: model.wait_for_runs(1))
    with pytest.raises(KeyboardInterrupt):
        engine.submit(bench.call("a")).result(timeout=WAIT_S)
    presser.join(WAIT_S)
    assert model.in_flight == 1
    model.open()
    assert bench.text(engine.submit(bench.call("b"))) == "m:b"


def test_an_interrupted_close_still_ends_the_engine(bench: Any) -> None:
    """Ctrl-C while closing leaves no thread behind."""
    closing, enough = threading.Event(), threading.Event()
    model = bench.model()

    def slow_close() -> None:
        closing.set()
        enough.wait(WAIT_S)

    model.close = slow_close
    engine = bench.engine()
    bench.answer(engine.submit(bench.call("a")))
    presser = _interrupt_when(lambda: closing.wait(WAIT_S))
    with pytest.raises(KeyboardInterrupt):
        engine.close()
    presser.join(WAIT_S)
    enough.set()
    engine._thread.join(WAIT_S)
    assert not engine._thread.is_alive()
    assert engine._loop.is_closed()


def test_a_run_that_cancels_itself_is_an_error_of_its_call(bench: Any) -> None:
    """A model whose own thread pool was shut down leaves nobody waiting."""

    def give_up(_: Any) -> Any:
        raise asyncio.CancelledError

    model = bench.model(reply=give_up)
    engine = bench.engine()
    assert _stopped(bench, engine.submit(bench.call("a")))
    model._reply = model.echo
    assert bench.text(engine.submit(bench.call("b"))) == "m:b"


def test_unused_answers_are_simply_dropped(bench: Any) -> None:
    """Calls that were prefetched and never asked for do not disturb the end."""
    model = bench.model(concurrency=8)
    engine = bench.engine()
    engine.look_ahead(bench.calls("a b c"))
    model.wait_for_runs(3)
    future = engine.submit(bench.call("a"))
    bench.close(engine)
    assert wait([future], timeout=WAIT_S).not_done == set()
    assert model.times_closed == 1
