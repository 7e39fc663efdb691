"""How many calls are under way at once, in which batches, and in which order."""

from typing import Any

import pytest

from llmlab_pytest.core import Continuation, LoglikelihoodRequest
from llmlab_pytest.engine import Call


@pytest.mark.parametrize("concurrency", [1, 2, 3, 8])
def test_concurrency_is_used_up_and_never_exceeded(
    bench: Any, concurrency: int
) -> None:
    """Exactly `concurrency` runs are under way while more calls wait."""
    model = bench.model(concurrency=concurrency, is_held=True)
    engine = bench.engine()
    prompts = [f"p{number}" for number in range(12)]
    futures = [engine.submit(bench.call(prompt)) for prompt in prompts]
    for ended in range(12):
        model.wait_for_runs(min(ended + concurrency, 12))
        bench.settle(engine)
        assert model.asked == prompts[: ended + concurrency]
        assert model.in_flight == min(concurrency, 12 - ended)
        model.finish(prompts[ended])
        assert bench.text(futures[ended]) == f"m:{prompts[ended]}"
    assert model.most_in_flight == concurrency


@pytest.mark.parametrize(
    ("size", "batches"),
    [
        (1, [("a",), ("b",), ("c",), ("d",), ("e",)]),
        (2, [("a", "b"), ("c", "d"), ("e",)]),
        (4, [("a", "b", "c", "d"), ("e",)]),
        (9, [("a", "b", "c", "d", "e")]),
    ],
)
def test_batches_are_full_and_in_order(
    bench: Any, size: int, batches: list[tuple[str, ...]]
) -> None:
    """Planned calls go out `batch_size` at a time, the last batch with the rest."""
    model = bench.model(concurrency=1, batch_size=size)
    engine = bench.engine()
    calls = bench.calls("a b c d e")
    engine.look_ahead(calls)
    texts = [bench.text(engine.submit(call)) for call in calls]
    assert texts == ["m:a", "m:b", "m:c", "m:d", "m:e"]
    assert model.batches == batches


def test_the_first_batches_are_small(bench: Any) -> None:
    """Each batch is at most twice the one before: the first answers come early."""
    model = bench.model(concurrency=1, batch_size=20)
    engine = bench.engine()
    calls = bench.calls(" ".join(f"c{n}" for n in range(60)))
    engine.look_ahead(calls)
    assert [bench.text(engine.submit(call)) for call in calls][-1] == "m:c59"
    assert [len(batch) for batch in model.batches] == [8, 16, 20, 16]


def test_a_batch_has_one_decoding(bench: Any) -> None:
    """A batch ends where the next call decodes otherwise; nothing overtakes."""
    model = bench.model(concurrency=1, batch_size=4)
    engine = bench.engine()
    lengths = {"a": 5, "b": 5, "c": 9, "d": 5, "e": 5}
    calls = [bench.call(name, max_tokens=n) for name, n in lengths.items()]
    engine.look_ahead(calls)
    for call in calls:
        bench.answer(engine.submit(call))
    assert model.batches == [("a", "b"), ("c",), ("d", "e")]
    assert [len(kinds) for kinds in model.kinds] == [1, 1, 1]


def test_a_batch_has_one_kind_of_request(bench: Any) -> None:
    """Log-likelihoods are not batched with text, but with each other."""
    model = bench.model(concurrency=1, batch_size=4)
    engine = bench.engine()
    scoring = [
        Call(
            key=name,
            spec=bench.spec("m"),
            build=lambda name=name: LoglikelihoodRequest((Continuation(name, "x"),)),
        )
        for name in ("s", "t")
    ]
    calls = [bench.call("a"), *scoring, bench.call("b")]
    engine.look_ahead(calls)
    assert [bench.text(engine.submit(call)) for call in calls] == [
        "m:a",
        "m:s",
        "m:t",
        "m:b",
    ]
    assert model.batches == [("a",), ("s", "t"), ("b",)]


def test_what_is_asked_for_goes_before_what_is_planned(bench: Any) -> None:
    """An unplanned call and a planned one that is needed now overtake the plan."""
    model = bench.model(concurrency=1, is_held=True)
    engine = bench.engine()
    planned = bench.calls("a b c d")
    engine.look_ahead(planned)
    model.wait_for_runs(1)
    futures = [
        engine.submit(bench.call("new")),
        engine.submit(planned[3]),
        engine.submit(planned[1]),
    ]
    bench.settle(engine)
    model.open()
    assert [bench.text(future) for future in futures] == ["m:new", "m:d", "m:b"]
    bench.answer(engine.submit(planned[2]))
    assert model.asked == ["a", "new", "d", "b", "c"]


def test_an_urgent_batch_is_filled_with_planned_calls(bench: Any) -> None:
    """A batch starts with what is needed now and takes planned calls along."""
    model = bench.model(concurrency=1, batch_size=3, is_held=True)
    engine = bench.engine()
    engine.look_ahead(bench.calls("a b c d e"))
    model.wait_for_runs(1)
    future = engine.submit(bench.call("now"))
    bench.settle(engine)
    model.open()
    bench.answer(future)
    assert model.batches[:2] == [("a", "b", "c"), ("now", "d", "e")]


def test_models_do_not_wait_for_each_other(bench: Any) -> None:
    """One model's stuck call leaves the other models free."""
    stuck = bench.model("stuck", concurrency=1, is_held=True)
    bench.model("free", concurrency=1)
    engine = bench.engine()
    engine.look_ahead([bench.call("a", "stuck"), bench.call("b", "free")])
    stuck.wait_for_runs(1)
    assert bench.text(engine.submit(bench.call("b", "free"))) == "free:b"
    assert stuck.in_flight == 1


def test_a_request_is_built_once_and_off_the_asking_thread(bench: Any) -> None:
    """Building happens when the call starts, not when it is planned."""
    model = bench.model(concurrency=1, is_held=True)
    engine = bench.engine()
    built: list[str] = []

    def call_of(name: str) -> Call:
        request = bench.call(name).request

        def build() -> Any:
            built.append(name)
            return request

        return Call(key=name, spec=bench.spec("m"), build=build)

    calls = [call_of(name) for name in "abc"]
    engine.look_ahead(calls)
    model.wait_for_runs(1)
    bench.settle(engine)
    assert built == ["a"]
    model.open()
    assert [bench.text(engine.submit(c)) for c in calls] == ["m:a", "m:b", "m:c"]
    assert built == ["a", "b", "c"]
