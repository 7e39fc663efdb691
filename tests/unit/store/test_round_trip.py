"""What is kept is what comes back, on both databases."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmlab_pytest.core import (
    Completion,
    ContinuationLogprob,
    Price,
    Sample,
    SampleResult,
    Score,
    TaskPlan,
    TokenLogprob,
    ToolCall,
    Usage,
)
from llmlab_pytest.store import (
    Exchange,
    Store,
    completion_content,
    completion_from,
    open_store,
)

Make = Callable[..., Completion]
ODD_TEXTS = [
    "",
    "\0",
    "\ud800 alone",
    "日本 🎌",
    "line\nline\r\u2028",
    "'; DROP TABLE x",
]


def keep(store: Store, key: str, completion: Completion) -> None:
    store.record_completions(
        "r", {key: Exchange("t", "m", {"prompt": "q"}, completion)}
    )


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_completion_comes_back(store: Store, completion: Make, text: str) -> None:
    """Every field returns, whatever characters a model emits."""
    given_ = completion(
        text,
        cost_usd=None,
        price=Price(
            source="litellm 1.106.0",
            read_on="2026-11-25",
            tier="flex",
            usd_per_million_tokens={"input_cost_per_token_flex": 1.25},
        ),
        ttft_s=0.25,
        attempts=3,
        token_logprobs=(TokenLogprob(text, -0.5),),
        continuations=(ContinuationLogprob(-1.5, tokens=2, is_greedy=True),),
        tool_calls=(
            ToolCall("1", "weather", {"city": text, "days": [1, 2.5, None]}),
            ToolCall("2", "weather", text),
        ),
    )
    keep(store, "k", given_)
    assert store.completion("r", "k") == given_
    assert store.completion("r", "other") is None
    assert store.completion("another run", "k") is None


def test_completion_of_an_older_run_comes_back(completion: Make) -> None:
    """Its content has no calls, and neither has one that is written without any."""
    content = completion_content(completion())
    assert "tool_calls" not in content
    older = {k: v for k, v in content.items() if k not in ("price", "original")}
    assert completion_from(older) == completion()


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(st.characters(codec=None), max_size=30), cost=st.floats(0, 1e9))
def test_any_text_and_cost_come_back(
    store: Store, completion: Make, text: str, cost: float
) -> None:
    """Numbers and texts are kept exactly."""
    key = f"{text!r}{cost!r}"
    keep(store, key, completion(text, cost_usd=cost))
    found = store.completion("r", key)
    assert found is not None
    assert (found.text, found.cost_usd) == (text, cost)


def test_first_completion_of_a_call_stays(store: Store, completion: Make) -> None:
    """An answer that someone may have seen is never replaced."""
    keep(store, "k", completion("first"))
    keep(store, "k", completion("second"))
    found = store.completion("r", "k")
    assert found is not None
    assert found.text == "first"


def test_flags_of_the_moment_are_not_kept(store: Store, completion: Make) -> None:
    """Whether an answer was prefetched belongs to a run, not to the answer."""
    keep(store, "k", completion(prefetched=True))
    assert store.completion("r", "k") == completion()


def test_result_is_replaced_with_its_scores(store: Store) -> None:
    """A sample judged again has the new scores only, in their order."""
    address: dict[str, Any] = {"task": "t", "model": "m", "sample_id": "s", "epoch": 1}
    first = SampleResult(
        **address,
        scores=(
            Score(scorer="b", value=1.0, answer="\0", explanation="\ud800"),
            Score(scorer="a", value=None),
            Score(scorer="c", value=0.5, weight=3.0),
        ),
        usage=Usage(input_tokens=5, output_tokens=7),
        cost_usd=0.1,
        latency_s=1.5,
    )
    store.record_result("r", first)
    assert store.results("r") == [first]
    failed = SampleResult(**address, error="ProviderError: gone")
    store.record_result("r", failed)
    assert store.results("r") == [failed]


def test_results_are_ordered_and_selected(store: Store) -> None:
    """Results come by task, model, sample and epoch, whatever order they went in."""
    results = [
        SampleResult(task=task, model=model, sample_id=name, epoch=epoch)
        for task in ("a", "b")
        for model in ("m", "n")
        for name in ("s1", "s2")
        for epoch in (1, 2)
    ]
    for result in reversed(results):
        store.record_result("r", result)
    assert store.results("r") == results
    chosen = store.results("r", task="b", model="n")
    assert chosen == [r for r in results if (r.task, r.model) == ("b", "n")]


def test_samples_of_a_run_come_back(store: Store) -> None:
    """A sample is kept once; a changed one of the same id is another sample."""
    old = Sample(id="s", input="é\0", target=(1, 2), choices=("a", "b"), metadata={})
    new = Sample(
        id="s",
        input="changed",
        target="x",
        metadata={"deep": [{"a": None}]},
        groups=("x", "y"),
    )
    result = SampleResult(task="t", model="m", sample_id="s", epoch=1)
    store.record_result("r1", result, sample=old, call_key="k")
    store.record_result("r2", result, sample=old)
    store.record_result("r3", result, sample=new)
    assert store.samples("r1", task="t") == store.samples("r2", task="t") == [old]
    assert store.samples("r3", task="t") == [new]
    assert store.samples("r1", task="other") == []


def test_plan_is_replaced_on_resume(store: Store) -> None:
    """The last plan of a task on a model counts."""
    plan = TaskPlan(
        task="t",
        model="m",
        planned=5,
        available=10,
        epochs=5,
        gates=("accuracy >= 0.5",),
        metrics=("acc",),
        factors={"task_hash": "x"},
    )
    store.plan_task("r", plan)
    assert store.plans("r") == [plan]
    fewer = TaskPlan(task="t", model="m", planned=1, available=10)
    store.plan_task("r", fewer)
    assert store.plans("r") == [fewer]


def test_runs_are_listed_newest_first(store: Store) -> None:
    """A run knows when it started and whether it ended by itself."""
    for number in (1, 3, 2):
        started = f"2026-11-0{number}T00:00:00+00:00"
        store.start_run(f"run{number}", started_at=started, factors={"n": str(number)})
    store.start_run("run1", started_at="2027-01-01T00:00:00+00:00", factors={})
    store.finish_run("run2", finished_at="2026-11-04T00:00:00+00:00")
    assert [run.id for run in store.runs()] == ["run3", "run2", "run1"]
    assert [run.id for run in store.runs(limit=1)] == ["run3"]
    assert [run.finished_at is None for run in store.runs()] == [True, False, True]
    assert store.run_factors("run3") == {"n": "3"}
    store.add_factors("run3", {"n": "4", "model": "m"})
    assert store.run_factors("run3") == {"model": "m", "n": "4"}


def test_store_is_kept_when_it_is_opened_again(
    store_url: str, completion: Make
) -> None:
    """Closing and opening changes nothing; the schema is created once."""
    first = open_store(store_url)
    keep(first, "k", completion())
    first.record_error("r", "k", task="t", model="m", error="e")
    first.close()
    second = open_store(store_url)
    assert second.completion("r", "k") == completion()
    second.close()
