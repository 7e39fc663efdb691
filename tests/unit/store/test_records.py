"""Everything that is kept of a sample comes back in one piece, by parts of a run."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from llmlab_pytest.core import (
    Completion,
    ContinuationLogprob,
    Sample,
    SampleResult,
    Score,
)
from llmlab_pytest.store import Exchange, Store

REQUEST = {"kind": "generate", "prompt": "\ud800 \0 日本", "config": {"stop": ["a"]}}


def result(name: str, **fields: object) -> SampleResult:
    given = {"task": "t", "model": "m", "sample_id": name, **fields}
    return SampleResult(**given)  # type: ignore[arg-type]


@pytest.fixture
def kept(store: Store, completion: Callable[..., Completion]) -> Completion:
    """Answered sample `b` twice, failed sample `a`, and others that are not asked for.

    Returns the completion of `b`.
    """
    answered = completion("\0", continuations=(ContinuationLogprob(-1.5, True, 2),))
    store.record_completions("r", {"key-b": Exchange("t", "m", REQUEST, answered)})
    scores = (Score(scorer="acc", value=1.0), Score(scorer="acc_norm", value=None))
    sample = Sample(id="b", input="q", choices=("x", "y"), target=1, position=7)
    for epoch in (2, 1):
        store.record_result(
            "r",
            result("b", scores=scores, epoch=epoch),
            sample=sample,
            call_key="key-b" if epoch == 1 else None,
        )
    store.record_result("r", result("a", error="Timeout"))
    store.record_result("r", result("c", scores=scores), sample=replace(sample, id="c"))
    store.record_result("r", result("b", model="other", scores=scores))
    store.record_result("another", result("b", scores=scores))
    return answered


def test_records_of_some_samples(store: Store, kept: Completion) -> None:
    """In the order of ids and epochs; what a sample lacks is `None`."""
    records = store.records("r", task="t", model="m", sample_ids=["b", "a", "missing"])
    failed, first, second = records
    assert failed.result.error == "Timeout"
    assert (failed.sample, failed.request, failed.completion) == (None, None, None)
    assert [r.result.epoch for r in (first, second)] == [1, 2]
    assert first.request == REQUEST
    assert first.completion == kept
    assert first.sample is not None
    assert (first.sample.position, first.sample.choices) == (7, ("x", "y"))
    assert [score.scorer for score in first.result.scores] == ["acc", "acc_norm"]
    assert second.completion is None
    assert second.sample == first.sample


def test_no_sample_is_asked_for(store: Store, kept: Completion) -> None:
    """An empty part is empty, not everything."""
    assert kept.text == "\0"
    assert store.records("r", task="t", model="m", sample_ids=[]) == []
