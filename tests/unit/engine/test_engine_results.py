"""The window, the batches and the order change when calls run, never their results."""

import asyncio
import random
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab_pytest.core import LlmlabError, ProviderError
from llmlab_pytest.engine import Call

WAIT_S = 20.0
LOCAL, REMOTE = "local", "remote"

plans = st.lists(
    st.tuples(st.sampled_from([LOCAL, REMOTE]), st.sampled_from([None, 8, 16])),
    max_size=25,
)


def _refuse_some(model: Any) -> Any:
    """Answer like `echo`, but refuse every request that contains a 7."""

    def reply(requests: Any) -> Any:
        refused = [r.prompt for r in requests if "7" in r.prompt]
        if refused:
            raise ProviderError(f"{model.spec.alias} refuses 7")
        return model.echo(requests)

    return reply


def _result(bench: Any, future: Any) -> str:
    """Return the text of a call, or its error: what a test can see."""
    try:
        return str(bench.answer(future).text)
    except LlmlabError as error:
        return str(error)


def _one_by_one(key: str) -> str:
    """Return the result of a call as the model gives it when asked alone."""
    alias, _, prompt = key.partition("/")
    return f"{alias} refuses 7" if "7" in prompt else f"{alias}:{prompt}"


@given(
    plan=plans,
    window=st.integers(0, 30),
    batch_size=st.integers(1, 6),
    concurrency=st.integers(2, 6),
    data=st.data(),
)
@settings(max_examples=50, deadline=None)
def test_results_are_those_of_running_one_by_one(
    new_bench: Any,
    plan: list[tuple[str, int | None]],
    window: int,
    batch_size: int,
    concurrency: int,
    data: st.DataObject,
) -> None:
    """Any window, batch size, concurrency and order of asking give the same."""
    with new_bench() as bench:
        local = bench.model(LOCAL, concurrency=1, batch_size=batch_size)
        remote = bench.model(REMOTE, concurrency=concurrency)
        for model in (local, remote):
            model._reply = _refuse_some(model)
        engine = bench.engine(look_ahead=window)
        calls = [
            bench.call(str(n), alias, max_tokens=length)
            for n, (alias, length) in enumerate(plan)
        ]
        dropped = data.draw(st.sets(st.integers(0, 25)))
        order = data.draw(st.permutations(calls))
        engine.look_ahead(calls)
        engine.discard(f"{plan[n][0]}/{n}" for n in dropped if n < len(plan))
        futures = {call.key: engine.submit(call) for call in order}
        results = {key: _result(bench, future) for key, future in futures.items()}
    assert results == {call.key: _one_by_one(call.key) for call in calls}
    assert local.most_in_flight <= 1
    assert remote.most_in_flight <= concurrency
    assert all(len(batch) <= batch_size for batch in local.batches)
    assert all(len(kinds) == 1 for kinds in local.kinds)
    assert all(len(batch) == 1 for batch in remote.batches)


class Crowd:
    """Threads that use 200 calls between them, each in the order of the plan."""

    def __init__(self, bench: Any, seed: int) -> None:
        self.draw = random.Random(seed)
        self.window = self.draw.choice([0, 1, 7, 64])
        self.unasked: set[str] = set()
        self.most_unasked = 0
        self.results: dict[str, str] = {}
        self._bench = bench
        self.calls = [
            bench.call(str(n), self.draw.choice([LOCAL, REMOTE])) for n in range(200)
        ]
        self.used = {call.key for call in self.calls}

    def watch(self, model: Any) -> None:
        """Give a model random delays, and note what it is asked ahead of need."""
        reply = _refuse_some(model)
        draw = random.Random(self.draw.random())

        async def run(requests: Any) -> Any:
            started = {f"{model.spec.alias}/{r.prompt}" for r in requests}
            self.unasked |= started & self.used
            self.most_unasked = max(self.most_unasked, len(self.unasked))
            model._enter(tuple(r.prompt for r in requests), requests)
            try:
                await asyncio.sleep(draw.choice([0, 0, 0.0002, 0.001]))
                return reply(requests)
            finally:
                model.in_flight -= 1

        model.run = run

    def ask(self, calls: list[Call], engine: Any) -> None:
        """Use some calls, one after another, as tests do."""
        draw = random.Random(len(self.results))
        for call in calls:
            self.used.discard(call.key)
            self.unasked.discard(call.key)
            if draw.random() < 0.1:
                engine.discard([call.key])
                continue
            self.results[call.key] = _result(self._bench, engine.submit(call))


@pytest.mark.parametrize("seed", range(20))
def test_a_crowd_of_threads_gets_every_answer_once(bench: Any, seed: int) -> None:
    """Random delays, several threads, discards and errors: all limits hold."""
    crowd = Crowd(bench, seed)
    local = bench.model(LOCAL, concurrency=1, batch_size=crowd.draw.randint(1, 9))
    remote = bench.model(REMOTE, concurrency=crowd.draw.randint(2, 9))
    crowd.watch(local)
    crowd.watch(remote)
    engine = bench.engine(look_ahead=crowd.window, max_local=1)
    engine.look_ahead(crowd.calls)
    askers = [
        threading.Thread(
            target=crowd.ask, args=(crowd.calls[n::4], engine), daemon=True
        )
        for n in range(4)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(WAIT_S)
        assert not asker.is_alive()
    bench.settle(engine)
    assert crowd.results == {key: _one_by_one(key) for key in crowd.results}
    assert len(crowd.results) > 150
    assert crowd.most_unasked <= crowd.window
    assert (local.most_in_flight, remote.most_in_flight <= remote.concurrency) == (
        1,
        True,
    )
    assert all(len(batch) <= local.batch_size for batch in local.batches)
    assert len(remote.asked) == len(set(remote.asked))
    assert engine._ahead == {}


def test_many_threads_asking_for_one_model_load_it_once(bench: Any) -> None:
    """The engine's thread and a model are started once, whoever comes first."""
    bench.model(concurrency=5)
    engine = bench.engine()
    ready = threading.Barrier(16)
    texts: list[str] = []

    def ask(number: int) -> None:
        ready.wait(WAIT_S)
        texts.append(bench.text(engine.submit(bench.call(str(number)))))

    askers = [threading.Thread(target=ask, args=(n,), daemon=True) for n in range(16)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(WAIT_S)
    assert sorted(texts) == sorted(f"m:{number}" for number in range(16))
    assert bench.loads == ["m"]
    assert [t.name for t in threading.enumerate()].count("llmlab-engine") == 1
