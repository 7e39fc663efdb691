"""What runs spent, their calls and their prices, in both databases."""

from collections.abc import Callable

import pytest

from llmlab_pytest.core import Completion, Original, Price, SampleResult, Usage
from llmlab_pytest.store import Exchange, Samples, Spent, Store
from llmlab_pytest.store import _spending as spending

PRICE = Price(
    source="litellm 1", read_on="2026-03-01", usd_per_million_tokens={"input": 1.5}
)
MARK = '{"original":{"price":{ "original":null'


@pytest.fixture
def runs(store: Store, completion: Callable[..., Completion]) -> Store:
    """A run of March with three calls, one of them kept, and one of April."""
    usage = Usage(input_tokens=10, output_tokens=2)
    paid = completion(MARK, usage=usage, cost_usd=0.25, price=PRICE)
    unknown = completion(MARK, usage=usage, cost_usd=None)
    kept = completion(
        "b", usage=usage, cost_usd=0.0, original=Original(source="cache", cost_usd=1.0)
    )
    for run_id, month, answers in (
        ("r2", "04", [paid]),
        ("r1", "03", [paid, unknown, kept]),
    ):
        store.start_run(run_id, started_at=f"2026-{month}-01T23:59:59", factors={})
        store.record_completions(
            run_id,
            {
                f"k{n}": Exchange("quiz", "m", {"kind": "generate"}, answer)
                for n, answer in enumerate(answers)
            },
        )
        store.record_result(run_id, SampleResult(task="quiz", model="m", sample_id="a"))
    return store


def test_calls_are_added_up_by_run_owner_and_model(runs: Store) -> None:
    """Oldest first; a text that looks like a mark of stored JSON is none."""
    first, second = runs.spent()
    assert first == Spent(
        "r1", "2026-03-01T23:59:59", "quiz", "m", 3, 1, 30, 6, 0.25, 1
    )
    assert second.run_id == "r2"
    assert (second.calls, second.kept, second.unpriced) == (1, 0, 0)
    assert runs.sample_counts() == [
        Samples("r1", "quiz", "m", 1),
        Samples("r2", "quiz", "m", 1),
    ]


def test_calls_are_read_in_parts(runs: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, each once, whatever the size of a part."""
    for part in (1, 2, 3, 500):
        monkeypatch.setattr(spending, "_PART", part)
        calls = list(runs.calls("r1"))
        assert [call.completion.cost_usd for call in calls] == [0.25, None, 0.0]
        assert {(call.owner, call.model) for call in calls} == {("quiz", "m")}


def test_prices_of_a_model_are_found_by_day(runs: Store) -> None:
    """The latest run first; a run at the end of the day is of that day."""
    assert [run_id for run_id, _ in runs.prices("m", until="2026-04-01")] == [
        "r2",
        "r1",
    ]
    assert list(runs.prices("m", until="2026-03-31")) == [("r1", PRICE)]
    assert list(runs.prices("m", until="2026-02-28")) == []
    assert list(runs.prices("other", until="2026-12-31")) == []
