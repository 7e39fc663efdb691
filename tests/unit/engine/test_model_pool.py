"""Models are loaded once, local ones take turns, and remote ones stay."""

import threading
from typing import Any

import pytest

from llmlab_pytest.core import ModelError, ModelSpec


class Memory:
    """Counts the models between their loading and their closing."""

    def __init__(self, bench: Any) -> None:
        self._bench = bench
        self._lock = threading.Lock()
        self.now: list[str] = []
        self.most = 0
        self.closed: list[str] = []
        self.closed_in_use: list[str] = []

    def load(self, spec: ModelSpec) -> Any:
        """Load slowly, and count the model until it is closed."""
        with self._lock:
            self.now.append(spec.alias)
            self.most = max(self.most, len(self.now))
        threading.Event().wait(0.005)  # loading takes time
        model = self._bench.load(spec)

        def close() -> None:
            if model.in_flight:
                self.closed_in_use.append(spec.alias)
            threading.Event().wait(0.005)
            with self._lock:
                self.now.remove(spec.alias)
                self.closed.append(spec.alias)

        model.close = close
        return model


def _ask(bench: Any, engine: Any, words: str) -> list[str]:
    calls = [bench.call(str(n), alias) for n, alias in enumerate(words.split())]
    return [bench.text(engine.submit(call)) for call in calls]


@pytest.mark.parametrize("max_local", [1, 2, 3])
def test_no_more_local_models_are_in_memory_than_allowed(
    bench: Any, max_local: int
) -> None:
    """Models that are asked at the same moment wait for their turn in memory."""
    aliases = [f"local{number}" for number in range(5)]
    for alias in aliases:
        bench.model(alias, concurrency=1, batch_size=2)
    memory = Memory(bench)
    engine = bench.engine(memory.load, max_local=max_local)
    calls = [bench.call(str(n), alias) for n in range(4) for alias in aliases]
    engine.look_ahead(calls)
    futures = {call.key: engine.submit(call) for call in calls}
    for key, future in futures.items():
        alias, _, prompt = key.partition("/")
        assert bench.text(future) == f"{alias}:{prompt}"
    assert memory.most == max_local
    bench.close(engine)
    assert memory.now == []


def test_the_longest_unused_local_model_leaves(bench: Any) -> None:
    """Using a model keeps it; one that left is loaded again when needed."""
    for alias in "abc":
        bench.model(alias, concurrency=1)
    memory = Memory(bench)
    engine = bench.engine(memory.load, max_local=2)
    assert _ask(bench, engine, "a b a c a b")[-1] == "b:5"
    assert bench.loads == ["a", "b", "c", "b"]
    assert memory.closed == ["b", "c"]


def test_remote_models_stay(bench: Any) -> None:
    """A model with a higher concurrency takes no memory, so it is kept."""
    for alias in "abc":
        bench.model(alias, concurrency=2)
    memory = Memory(bench)
    engine = bench.engine(memory.load, max_local=1)
    _ask(bench, engine, "a b c a b c")
    assert bench.loads == ["a", "b", "c"]
    assert memory.closed == []


def test_a_model_in_use_is_not_unloaded(bench: Any) -> None:
    """The next model waits until the one that computes has ended."""
    first = bench.model("first", concurrency=1, is_held=True)
    bench.model("second", concurrency=1)
    memory = Memory(bench)
    engine = bench.engine(memory.load, max_local=1)
    slow = engine.submit(bench.call("a", "first"))
    first.wait_for_runs(1)
    waiting = engine.submit(bench.call("b", "second"))
    bench.settle(engine)
    assert memory.now == ["first"]
    first.open()
    assert bench.text(slow) == "first:a"
    assert bench.text(waiting) == "second:b"
    assert (memory.most, memory.closed_in_use) == (1, [])


def test_a_failed_load_leaves_its_place_to_others(bench: Any) -> None:
    """Who waits for the place of a model that cannot be loaded gets it."""
    bench.model("good", concurrency=1)
    others_wait = threading.Event()

    def load(spec: ModelSpec) -> Any:
        if spec.alias != "good":
            others_wait.wait(4)
            raise ModelError("Broken.")
        return bench.load(spec)

    engine = bench.engine(load, max_local=1)
    futures = [
        engine.submit(bench.call("a", alias)) for alias in ("bad1", "bad2", "good")
    ]
    bench.settle(engine)
    others_wait.set()
    assert [str(bench.error(future)) for future in futures[:2]] == ["Broken."] * 2
    assert bench.text(futures[2]) == "good:a"


def test_a_model_that_cannot_be_closed_makes_room_all_the_same(bench: Any) -> None:
    """The next model is not made to pay for the last one's trouble."""

    def fail() -> None:
        raise ValueError("stuck")

    bench.model("first", concurrency=1).close = fail
    bench.model("second", concurrency=1)
    engine = bench.engine(max_local=1)
    assert _ask(bench, engine, "first second") == ["first:0", "second:1"]


def test_loading_does_not_hold_up_other_models(bench: Any) -> None:
    """A model that is already loaded answers while another one loads."""
    bench.model("ready")
    bench.model("slow")
    may_load = threading.Event()

    def load(spec: ModelSpec) -> Any:
        if spec.alias == "slow":
            may_load.wait(4)
        return bench.load(spec)

    engine = bench.engine(load)
    late = engine.submit(bench.call("a", "slow"))
    assert bench.text(engine.submit(bench.call("b", "ready"))) == "ready:b"
    assert not late.done()
    may_load.set()
    assert bench.text(late) == "slow:a"


def test_models_that_differ_in_options_are_loaded_apart(bench: Any) -> None:
    """Two specs of one alias are two models: the fingerprint tells them apart."""
    bench.model("m")
    engine = bench.engine()
    call = bench.call("a")
    other = bench.call("b")
    other.spec = ModelSpec(alias="m", provider="step", id="m", options={"dtype": "f32"})
    bench.answer(engine.submit(call))
    bench.answer(engine.submit(other))
    assert bench.loads == ["m", "m"]
