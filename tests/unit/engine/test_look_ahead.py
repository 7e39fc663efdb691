"""What starts before it is asked for: the window, and leaving it."""

from typing import Any

import pytest

from llmlab_pytest.core import ProviderError


def _all_asked(bench: Any) -> list[str]:
    return [prompt for model in bench.models.values() for prompt in model.asked]


@pytest.mark.parametrize("window", [1, 2, 5])
def test_the_window_bounds_what_is_started_unasked(bench: Any, window: int) -> None:
    """Never more than `look_ahead` calls are started or finished but not used."""
    model = bench.model(concurrency=50)
    engine = bench.engine(look_ahead=window)
    calls = bench.calls("a b c d e f g h")
    engine.look_ahead(calls)
    for used, call in enumerate(calls):
        model.wait_for_runs(min(used + window, len(calls)))
        bench.settle(engine)
        assert len(model.asked) == min(used + window, len(calls))
        bench.answer(engine.submit(call))


def test_the_window_is_shared_by_all_models(bench: Any) -> None:
    """The bound is on the whole plan, so memory does not grow with the models."""
    for alias in "xyz":
        bench.model(alias, concurrency=50)
    engine = bench.engine(look_ahead=3, max_local=3)
    calls = [bench.call(name, alias) for name in "abcd" for alias in "xyz"]
    engine.look_ahead(calls)
    for used, call in enumerate(calls):
        bench.answer(engine.submit(call))
        if (ahead := min(used + 4, len(calls))) < len(calls):
            bench.models["xyz"[(ahead - 1) % 3]].wait_for_runs((ahead - 1) // 3 + 1)
        bench.settle(engine)
        assert len(_all_asked(bench)) <= used + 4
    assert sorted(_all_asked(bench)) == sorted("abcd" * 3)


def test_a_model_is_loaded_when_its_calls_come_near(bench: Any) -> None:
    """A model behind the window is not loaded yet."""
    first = bench.model("first")
    bench.model("second")
    engine = bench.engine(look_ahead=2)
    calls = [*bench.calls("a b c", "first"), bench.call("d", "second")]
    engine.look_ahead(calls)
    first.wait_for_runs(2)
    bench.settle(engine)
    assert bench.loads == ["first"]
    for call in calls[:2]:
        bench.answer(engine.submit(call))
    bench.models["second"].wait_for_runs(1)
    assert bench.loads == ["first", "second"]


def test_no_look_ahead_runs_only_what_is_asked(bench: Any) -> None:
    """With `look_ahead=0` a plan starts nothing, not even the engine's thread."""
    model = bench.model()
    engine = bench.engine(look_ahead=0)
    calls = bench.calls("a b c")
    engine.look_ahead(calls)
    assert engine._thread is None
    completion = bench.answer(engine.submit(calls[1]))
    bench.settle(engine)
    assert (completion.text, completion.prefetched) == ("m:b", False)
    assert model.asked == ["b"]


def test_an_engine_that_is_not_used_starts_nothing(bench: Any) -> None:
    """Making, discarding and closing need no thread and load no model."""
    engine = bench.engine()
    engine.discard(["k"])
    engine.close()
    assert engine._thread is None
    assert bench.loads == []


def test_prefetched_tells_what_was_started_before_it_was_asked(bench: Any) -> None:
    """Finished or under way: prefetched; queued or unplanned: not."""
    model = bench.model(concurrency=1, is_held=True)
    engine = bench.engine()
    calls = bench.calls("finished running queued")
    engine.look_ahead(calls)
    model.wait_for_runs(1)
    model.finish("finished")
    model.wait_for_runs(2)
    futures = [engine.submit(call) for call in [*calls, bench.call("new")]]
    bench.settle(engine)
    model.open()
    assert {bench.text(f): bench.answer(f).prefetched for f in futures} == {
        "m:finished": True,
        "m:running": True,
        "m:queued": False,
        "m:new": False,
    }


def test_a_call_is_started_once_however_it_is_planned(bench: Any) -> None:
    """Planning a call again, alone or with others, asks the model once."""
    model = bench.model(concurrency=8)
    engine = bench.engine()
    calls = bench.calls("a b c")
    engine.look_ahead(calls[:2])
    engine.look_ahead(calls)
    engine.look_ahead(calls + calls)
    for call in calls:
        bench.answer(engine.submit(call))
    engine.look_ahead(calls)
    bench.settle(engine)
    assert model.asked == ["a", "b", "c"]


def test_a_call_that_was_asked_is_not_planned_afterwards(bench: Any) -> None:
    """A plan that comes late neither repeats a call nor fills the window with it."""
    model = bench.model(concurrency=8)
    engine = bench.engine(look_ahead=1)
    calls = bench.calls("a b")
    bench.answer(engine.submit(calls[0]))
    engine.look_ahead(calls)
    model.wait_for_runs(2)
    bench.settle(engine)
    assert model.asked == ["a", "b"]


def test_an_unplanned_order_of_asking_runs_each_call_once(bench: Any) -> None:
    """Calls asked before the window reached them are not started again by it."""
    model = bench.model(concurrency=8)
    engine = bench.engine(look_ahead=2)
    calls = bench.calls("a b c d e f")
    engine.look_ahead(calls)
    texts = [bench.text(engine.submit(call)) for call in reversed(calls)]
    bench.settle(engine)
    assert texts == ["m:f", "m:e", "m:d", "m:c", "m:b", "m:a"]
    assert sorted(model.asked) == ["a", "b", "c", "d", "e", "f"]


def test_the_same_key_asked_again_is_asked_anew(bench: Any) -> None:
    """A prefetched answer is handed out once; a rerun of the test asks the model."""
    model = bench.model()
    engine = bench.engine()
    engine.look_ahead(bench.calls("a"))
    model.wait_for_runs(1)
    futures = [engine.submit(bench.call("a")) for _ in range(3)]
    assert [bench.answer(f).text for f in futures] == ["m:a"] * 3
    assert [bench.answer(f).prefetched for f in futures] == [True, False, False]
    assert model.asked == ["a"] * 3


def test_discarded_plans_are_not_started(bench: Any) -> None:
    """A call behind the window that is discarded never reaches the model."""
    model = bench.model(concurrency=8)
    engine = bench.engine(look_ahead=1)
    calls = bench.calls("a b c")
    engine.look_ahead(calls)
    model.wait_for_runs(1)
    engine.discard([calls[1].key])
    bench.answer(engine.submit(calls[0]))
    bench.answer(engine.submit(calls[2]))
    bench.settle(engine)
    assert model.asked == ["a", "c"]


def test_discarded_calls_leave_the_queue_and_the_window(bench: Any) -> None:
    """Started or waiting, a discarded call makes room for the next of the plan."""
    model = bench.model(concurrency=1, is_held=True)
    engine = bench.engine(look_ahead=2)
    calls = bench.calls("started waiting next last")
    engine.look_ahead(calls)
    model.wait_for_runs(1)
    engine.discard([calls[0].key, calls[1].key])
    bench.settle(engine)
    model.open()
    model.wait_for_runs(3)
    assert model.asked == ["started", "next", "last"]
    assert bench.answer(engine.submit(calls[2])).prefetched


def test_a_discarded_call_that_is_asked_after_all_is_answered(bench: Any) -> None:
    """Discarding is no ban: a call can still be asked for."""
    bench.model(concurrency=8)
    engine = bench.engine(look_ahead=1)
    calls = bench.calls("a b")
    engine.look_ahead(calls)
    engine.discard([call.key for call in calls])
    assert [bench.text(engine.submit(call)) for call in calls] == ["m:a", "m:b"]


def test_calls_dropped_while_their_model_loads_are_not_sent(bench: Any) -> None:
    """A model whose only calls were discarded during its load is idle, and may go."""
    model = bench.model(concurrency=1)
    bench.model("next", concurrency=1)
    calls = bench.calls("a b")

    def load(spec: Any) -> Any:
        engine.discard([call.key for call in calls])
        bench.settle(engine)
        return bench.load(spec)

    engine = bench.engine(load, max_local=1)
    engine.look_ahead(calls)
    assert bench.text(engine.submit(bench.call("c", "next"))) == "next:c"
    assert (model.asked, model.times_closed) == ([], 1)


def test_an_error_ahead_of_need_waits_for_its_caller(bench: Any) -> None:
    """A prefetched failure is raised where the call is asked for, nowhere else."""

    def refuse(requests: Any) -> Any:
        if requests[0].prompt == "b":
            raise ProviderError("b is not answered.")
        return model.echo(requests)

    model = bench.model(reply=refuse)
    engine = bench.engine()
    calls = bench.calls("a b c")
    engine.look_ahead(calls)
    model.wait_for_runs(3)
    assert bench.text(engine.submit(calls[0])) == "m:a"
    assert str(bench.error(engine.submit(calls[1]))) == "b is not answered."
    assert bench.text(engine.submit(calls[2])) == "m:c"
