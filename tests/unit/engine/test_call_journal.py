"""What was answered before is not asked again; what is answered is kept first."""

from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    ModelError,
    ProviderError,
    StoreError,
)
from llmlab_pytest.engine import NullJournal


def _earlier(text: str) -> Completion:
    return Completion(text=text, model="m")


def test_an_earlier_answer_is_handed_out_without_loading(
    bench: Any, journal: Any
) -> None:
    """A run that is resumed at its end loads no model and records nothing anew."""
    calls = bench.calls("a b")
    journal.earlier = {"m/a": _earlier("kept a"), "m/b": _earlier("kept b")}
    engine = bench.engine(journal=journal)
    engine.look_ahead(calls[:1])
    completions = [bench.answer(engine.submit(call)) for call in calls]
    assert [(c.text, c.resumed) for c in completions] == [
        ("kept a", True),
        ("kept b", True),
    ]
    assert bench.loads == []
    assert journal.events == []


def test_only_missing_answers_are_asked(bench: Any, journal: Any) -> None:
    """A batch holds the calls that the interrupted run did not answer."""
    model = bench.model(concurrency=1, batch_size=3)
    journal.earlier = {"m/b": _earlier("kept")}
    engine = bench.engine(journal=journal)
    calls = bench.calls("a b c d e")
    engine.look_ahead(calls)
    completions = [bench.answer(engine.submit(call)) for call in calls]
    assert [c.text for c in completions] == ["m:a", "kept", "m:c", "m:d", "m:e"]
    assert [c.resumed for c in completions] == [False, True, False, False, False]
    assert model.batches == [("a", "c", "d"), ("e",)]


def test_a_call_is_looked_up_once(bench: Any, journal: Any) -> None:
    """Waiting in a queue costs no further reading of the store."""
    bench.model(concurrency=1, batch_size=2)
    engine = bench.engine(journal=journal)
    calls = bench.calls("a b c d e")
    engine.look_ahead(calls)
    for call in calls:
        bench.answer(engine.submit(call))
    assert journal.lookups == ["m/a", "m/b", "m/c", "m/d", "m/e"]


def test_an_answer_is_recorded_before_anyone_sees_it(bench: Any, journal: Any) -> None:
    """A killed process has recorded every completion that a test has received."""
    model = bench.model(is_held=True)
    engine = bench.engine(journal=journal)
    future = engine.submit(bench.call("a"))
    future.add_done_callback(lambda _: journal.events.append(("seen", "m/a")))
    model.wait_for_runs(1)
    model.open()
    bench.answer(future)
    bench.settle(engine)
    assert journal.events == [("record", "m/a"), ("seen", "m/a")]
    assert journal.recorded["m/a"].text == "m:a"


def test_an_error_is_recorded_before_anyone_sees_it(bench: Any, journal: Any) -> None:
    """Why a call failed is in the store when its test hears of it."""
    failure = ProviderError("No.")

    def refuse(requests: Any) -> Any:
        raise failure

    model = bench.model(is_held=True, reply=refuse)
    engine = bench.engine(journal=journal)
    future = engine.submit(bench.call("a"))
    future.add_done_callback(lambda _: journal.events.append(("seen", "m/a")))
    model.wait_for_runs(1)
    model.open()
    assert str(bench.error(future)) == "No."
    bench.settle(engine)
    assert journal.events == [("record_error", "m/a"), ("seen", "m/a")]
    assert journal.errors == {"m/a": failure}


def test_answers_that_nobody_asked_for_are_recorded(bench: Any, journal: Any) -> None:
    """A call that started and was then discarded is paid for, so it is kept."""
    model = bench.model(is_held=True)
    engine = bench.engine(journal=journal)
    engine.look_ahead(bench.calls("a"))
    model.wait_for_runs(1)
    engine.discard(["m/a"])
    bench.settle(engine)
    model.open()
    bench.settle(engine)
    assert journal.events == [("record", "m/a")]


def test_an_answer_of_before_survives_a_model_that_cannot_be_loaded(
    bench: Any, journal: Any
) -> None:
    """Of a resumed run's calls only the unanswered ones need the model."""
    journal.earlier = {"m/b": _earlier("kept")}

    def load(spec: Any) -> Any:
        raise ModelError("Gone.")

    engine = bench.engine(load, journal=journal)
    calls = bench.calls("a b c")
    engine.look_ahead(calls)
    futures = [engine.submit(call) for call in calls]
    assert str(bench.error(futures[0])) == "Gone."
    assert bench.text(futures[1]) == "kept"
    assert str(bench.error(futures[2])) == "Gone."
    assert sorted(journal.errors) == ["m/a", "m/c"]


@pytest.mark.parametrize("method", ["lookup", "record", "record_error"])
@pytest.mark.parametrize(
    "trouble",
    [StoreError("Disk full."), OSError("disk full")],
    ids=["StoreError", "OSError"],
)
def test_a_failing_journal_reaches_the_caller(
    bench: Any, method: str, trouble: Exception
) -> None:
    """A store that cannot be read or written fails the call, and nobody hangs."""

    def broken(*_: Any) -> Any:
        raise trouble

    def refuse(requests: Any) -> Any:
        raise ProviderError("No.")

    journal = NullJournal()
    setattr(journal, method, broken)
    bench.model(
        concurrency=1,
        batch_size=2,
        reply=refuse if method == "record_error" else None,
    )
    engine = bench.engine(journal=journal)
    engine.look_ahead(bench.calls("a b c"))
    for call in bench.calls("a b c d"):
        error = bench.error(engine.submit(call))
        if isinstance(trouble, StoreError):
            assert str(error) == "Disk full."
        else:
            assert "OSError: disk full" in str(error)


def test_a_journal_that_fails_once_fails_one_call(bench: Any, journal: Any) -> None:
    """The other rows of the batch are recorded and answered."""
    bench.model(concurrency=1, batch_size=3)
    record = journal.record

    def busy(answered: Any) -> None:
        if any(call.key == "m/b" for call, _ in answered):
            raise StoreError("Locked.")
        record(answered)

    journal.record = busy
    engine = bench.engine(journal=journal)
    calls = bench.calls("a b c")
    engine.look_ahead(calls)
    futures = [engine.submit(call) for call in calls]
    assert bench.text(futures[0]) == "m:a"
    assert str(bench.error(futures[1])) == "Locked."
    assert bench.text(futures[2]) == "m:c"
    assert journal.events == [("record", "m/a"), ("record", "m/c")]
