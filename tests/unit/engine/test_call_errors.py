"""Whatever goes wrong reaches the callers it concerns, and nobody waits for ever."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    ModelError,
    ModelSpec,
    ProviderError,
    RateLimited,
)
from llmlab_pytest.engine import Call

WAIT_S = 20.0


def _raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


def _call_that_cannot_be_built(bench: Any, error: BaseException) -> Call:
    return Call(key="bad", spec=bench.spec("m"), build=_raising(error))


@pytest.mark.parametrize("is_planned", [True, False], ids=["planned", "asked"])
def test_a_request_that_cannot_be_built_fails_alone(
    bench: Any, is_planned: bool
) -> None:
    """What `build` raises reaches its caller; the calls around it are answered."""
    model = bench.model(concurrency=1, batch_size=3)
    engine = bench.engine()
    bad = _call_that_cannot_be_built(bench, ConfigError("No variable 'x'."))
    calls = [bench.call("a"), bad, bench.call("b")]
    if is_planned:
        engine.look_ahead(calls)
    futures = [engine.submit(call) for call in calls]
    assert bench.text(futures[0]) == "m:a"
    assert bench.text(futures[2]) == "m:b"
    error = bench.error(futures[1])
    assert type(error) is ConfigError
    assert str(error) == "No variable 'x'."
    assert model.asked == ["a", "b"]


@pytest.mark.parametrize(
    "foreign",
    [ValueError("odd"), SystemExit(3), pytest.skip.Exception("not now")],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("place", ["build", "run", "load"])
def test_a_foreign_exception_becomes_an_error_of_the_call(
    bench: Any, place: str, foreign: BaseException
) -> None:
    """Exceptions that are not ours are named with class, message and model."""
    fail = _raising(foreign)
    bench.model(reply=fail if place == "run" else None)
    engine = bench.engine(fail if place == "load" else None)
    call = _call_that_cannot_be_built(bench, foreign)
    future = engine.submit(call if place == "build" else bench.call("a"))
    error = bench.error(future)
    assert type(error) is (ModelError if place == "load" else ProviderError)
    assert f"{type(foreign).__name__}: {foreign}" in str(error)
    assert "'m'" in str(error)
    assert error.__cause__ is foreign


@pytest.mark.parametrize("place", ["build", "run"])
def test_the_engine_works_on_after_a_foreign_exception(bench: Any, place: str) -> None:
    """A provider that tries to end the process does not end the engine."""
    model = bench.model()
    if place == "run":
        model._reply = _raising(SystemExit(1))
    engine = bench.engine()
    bad = _call_that_cannot_be_built(bench, SystemExit(1))
    assert bench.error(engine.submit(bad if place == "build" else bench.call("a")))
    model._reply = model.echo
    assert bench.text(engine.submit(bench.call("b"))) == "m:b"


@pytest.mark.parametrize("place", ["run", "load"])
def test_a_secret_in_a_foreign_message_is_not_shown(bench: Any, place: str) -> None:
    """Messages of providers are redacted before they travel on."""
    key = "sk-" + "a1B2" * 10
    fail = _raising(ValueError(f"rejected Authorization: Bearer {key}"))
    bench.model(reply=fail)
    engine = bench.engine(fail if place == "load" else None)
    error = bench.error(engine.submit(bench.call("a")))
    assert "rejected" in str(error)
    assert key not in str(error)


def test_a_model_that_cannot_be_loaded_fails_its_own_calls_only(bench: Any) -> None:
    """Every call of the model gets the loader's error; it is tried once."""
    bench.model("good")

    def load(spec: ModelSpec) -> Any:
        if spec.alias == "bad":
            bench.loads.append(spec.alias)
            raise ProviderError("The file is corrupt.", fix="Fetch it again.")
        return bench.load(spec)

    engine = bench.engine(load)
    calls = [bench.call(p, alias) for p in "abc" for alias in ("bad", "good")]
    engine.look_ahead(calls[:4])
    futures = {call.key: engine.submit(call) for call in calls}
    for prompt in "abc":
        error = bench.error(futures[f"bad/{prompt}"])
        assert type(error) is ProviderError
        assert str(error) == "The file is corrupt. Fetch it again."
        assert bench.text(futures[f"good/{prompt}"]) == f"good:{prompt}"
    late = bench.error(engine.submit(bench.call("late", "bad")))
    assert str(late) == "The file is corrupt. Fetch it again."
    assert sorted(bench.loads) == ["bad", "good"]


def test_callers_do_not_share_the_traceback_of_one_failure(bench: Any) -> None:
    """The hundredth test of a broken model shows its own trace, not a hundred."""
    engine = bench.engine(_raising(ModelError("Broken.")))

    def depth() -> int:
        with pytest.raises(ModelError, match=r"^Broken\.$") as caught:
            engine.submit(bench.call("a")).result(timeout=WAIT_S)
        return len(caught.traceback)

    assert len({depth() for _ in range(5)}) == 1
    (failure,) = engine._pool._failures.values()
    assert len(traceback.extract_tb(failure.__traceback__)) < 5


@pytest.mark.parametrize(
    "reply",
    [
        [],
        [Completion(text="x", model="m")] * 3,
        None,
        [None, None],
        ["text", "text"],
        iter([Completion(text="x", model="m")] * 2),
        42,
    ],
    ids=["none", "three", "None", "Nones", "strings", "iterator", "number"],
)
def test_a_reply_that_is_not_one_completion_each_is_the_providers_error(
    bench: Any, reply: Any
) -> None:
    """Too few, too many or other things than completions: an error, not a hang."""
    bench.model(concurrency=1, batch_size=2, reply=lambda _: reply)
    engine = bench.engine()
    engine.look_ahead(bench.calls("a b"))
    futures = [engine.submit(call) for call in bench.calls("a b")]
    for future in futures:
        error = bench.error(future)
        assert type(error) is ProviderError
        assert "'step' returned" in str(error)
        assert "bug of the provider" in str(error)


@pytest.mark.parametrize("size", ["batch_size", "concurrency"])
def test_a_model_that_takes_no_requests_is_refused(bench: Any, size: str) -> None:
    """A batch size or concurrency of 0 is an error; the engine would never end."""
    bench.model(**{size: 0})
    error = bench.error(bench.engine().submit(bench.call("a")))
    assert type(error) is ModelError
    assert f"{size}=0" in str(error)


def test_a_loader_that_returns_no_model_is_refused(bench: Any) -> None:
    """A provider function without a return statement is told so."""
    error = bench.error(bench.engine(lambda _: None).submit(bench.call("a")))
    assert type(error) is ModelError
    assert "'NoneType'" in str(error)


def test_one_bad_row_does_not_spoil_its_batch(bench: Any) -> None:
    """A failed batch is asked again row by row: only the bad row fails."""

    def refuse(requests: Any) -> Any:
        if any(request.prompt == "b" for request in requests):
            raise RateLimited(f"refused {len(requests)}")
        return model.echo(requests)

    model = bench.model(concurrency=1, batch_size=3, reply=refuse)
    engine = bench.engine()
    calls = bench.calls("a b c")
    engine.look_ahead(calls)
    futures = [engine.submit(call) for call in calls]
    assert bench.text(futures[0]) == "m:a"
    assert bench.text(futures[2]) == "m:c"
    assert str(bench.error(futures[1])) == "refused 1"
    assert model.batches == [("a", "b", "c"), ("a",), ("b",), ("c",)]
    assert model.most_in_flight == 1


def test_a_single_call_that_fails_is_not_repeated(bench: Any) -> None:
    """Retrying is the provider's business; the engine asks once."""
    model = bench.model(reply=_raising(RateLimited("slow down")))
    assert str(bench.error(bench.engine().submit(bench.call("a")))) == "slow down"
    assert model.asked == ["a"]


def test_a_call_shows_whose_it_is_and_no_digest(bench: Any) -> None:
    """In a debugger a call reads as owner and model."""
    call = Call(key="0f3a", spec=bench.spec("m"), build=list, owner="arc_easy")
    assert repr(call) == "<Call arc_easy on m>"


def test_a_cancelled_future_leaves_the_call_running(bench: Any) -> None:
    """A caller cannot cancel: the answer is paid for and kept."""
    model = bench.model(is_held=True)
    future = bench.engine().submit(bench.call("a"))
    model.wait_for_runs(1)
    assert not future.cancel()
    model.open()
    assert bench.text(future) == "m:a"
    assert model.cancelled == []
