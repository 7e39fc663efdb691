"""Gates on a part of a task, by a field of the row."""

from typing import Any

import pytest

from llmlab_pytest.core import Json, SampleResult, Score, TaskPlan, Verdict
from llmlab_pytest.gates import Baseline, Evidence, decide, parse_gate
from llmlab_pytest.metrics import default_metrics

ROWS: dict[str, dict[str, Json]] = {
    f"s{n}": {
        "topic": "billing" if n < 40 else "two words",
        "level": n % 2,
        "hard": n % 4 == 0,
        "tags": ["a", "b"] if n < 10 else ["c"],
    }
    for n in range(80)
}


def results_of(errors: int = 0) -> list[SampleResult]:
    """Return 40 hits of billing, then 40 misses, then errors among the misses."""
    found = []
    for n, name in enumerate(ROWS):
        is_error = n >= len(ROWS) - errors
        score = Score(scorer="a", value=float(n < 40))
        base: dict[str, Any] = {"task": "t", "model": "m", "sample_id": name}
        if is_error:
            found.append(SampleResult(**base, error="Timeout: late"))
        else:
            found.append(SampleResult(**base, scores=(score,)))
    return found


def judge(text: str, results: list[SampleResult], planned: int = 80) -> Verdict:
    plan = TaskPlan(task="t", model="m", planned=planned, available=80)
    gate = parse_gate(text, where="card")
    baseline = Baseline(name="main", model="m", results=tuple(results_of()), rows=ROWS)
    evidence = Evidence(rows=ROWS, baseline=baseline)
    return decide(gate, plan, results, default_metrics(), evidence)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("accuracy[topic=billing] >= 0.8", ("topic", "billing")),
        ("accuracy [ topic = two words ]>=0.8", ("topic", "two words")),
        ("pass^2[a.b=x=y] >= baseline - 1 points", ("a.b", "x=y")),
    ],
)
def test_part_is_read(text: str, part: tuple[str, str]) -> None:
    """Field and value, however they are spaced; whatever is behind the first =."""
    assert parse_gate(text, where="card").part == part


@pytest.mark.parametrize(
    ("part", "n", "state"),
    [
        ("topic=billing", 40, "passed"),
        ("topic=two words", 40, "failed"),
        ("level=1", 40, "failed"),
        ("hard=true", 20, "failed"),
        ("tags=b", 10, "inconclusive"),
    ],
)
def test_only_its_samples_are_judged(part: str, n: int, state: str) -> None:
    """By the value of the field as text, of a list by any of its members."""
    verdict = judge(f"accuracy[{part}] >= 0.8", results_of())
    assert verdict.metric is not None
    assert (verdict.metric.n, verdict.state) == (n, state)


def test_errors_elsewhere_do_not_matter_and_own_ones_do() -> None:
    """Other samples say nothing of this part; missing ones may be of it."""
    results = results_of(errors=2)
    assert judge("accuracy[topic=billing] >= 0.8", results).state == "passed"
    wrong = judge("accuracy[topic=two words] <= 0.8", results)
    assert wrong.state == "error"
    assert wrong.reason.startswith("2 of 40 samples ended in an error")
    lost = judge("accuracy[topic=billing] >= 0.8", results, planned=81)
    assert lost.state == "inconclusive"


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("topic=biling", "its values are billing, two words"),
        ("topc=billing", "the fields of its rows are hard, level, tags, topic"),
    ],
)
def test_part_without_samples_is_not_passed(part: str, told: str) -> None:
    """A misspelt field or value says what there is."""
    verdict = judge(f"accuracy[{part}] >= 0", results_of())
    assert verdict.state == "inconclusive"
    assert told in verdict.reason


def test_part_is_compared_with_the_same_part_of_the_baseline() -> None:
    """Both of them: a slice may have become worse while the whole has not."""
    verdict = judge("accuracy[topic=billing] >= baseline - 10 points", results_of())
    assert verdict.state == "passed"
    assert "over 40 samples: 0 higher, 0 lower" in verdict.reason
