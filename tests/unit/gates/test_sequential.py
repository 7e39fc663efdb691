"""Gates that stop a task: who may, when, and on which side of the number."""

import random
from statistics import fmean
from typing import Any

import pytest

from llmlab_pytest.core import SampleResult, Score, Share, TaskPlan, Verdict
from llmlab_pytest.gates import (
    Course,
    Evidence,
    decide,
    decided_after,
    in_order,
    parse_gate,
    watched,
)
from llmlab_pytest.metrics import compute, default_metrics
from llmlab_pytest.stats import betting_interval, decide_side

REGISTRY = default_metrics()
IDS = [f"s{n}" for n in range(400)]
ORDER = in_order(IDS, "7")


def results_of(values: list[float | None], **fields: Any) -> list[SampleResult]:
    """Return results that come in this order; those of `None` are errors."""
    return [
        SampleResult(
            task="t",
            model="m",
            sample_id=name,
            error="Timeout: late" if value is None else None,
            scores=() if value is None else (Score(scorer="a", value=value, **fields),),
        )
        for name, value in zip(ORDER, values, strict=False)
    ]


def after(*gates: str, results: list[SampleResult]) -> int | None:
    parsed = [parse_gate(text, where="card") for text in gates]
    return decided_after(parsed, results, REGISTRY, "7")


def judge(
    text: str, results: list[SampleResult], stopped_after: int | None, planned: int
) -> Verdict:
    plan = TaskPlan(task="t", model="m", planned=planned, available=planned)
    evidence = Evidence(course=Course("7", stopped_after))
    gate = parse_gate(text, where="card")
    return decide(gate, plan, results[::-1], REGISTRY, evidence)


def test_order_depends_on_ids_and_seed_alone() -> None:
    """Whatever the order and number in which they are given; others have another."""
    assert in_order(IDS[::-1] * 2, "7") == ORDER
    assert in_order(IDS, "8") != ORDER
    assert [name for name in ORDER if name in IDS[:50]] == in_order(IDS[:50], "7")


def test_all_gates_must_be_decided() -> None:
    """The one that takes longest says how many samples count."""
    results = results_of([1.0] * 60)
    first, second = (
        after("a >= 0.5", results=results),
        after("a >= 0.8", results=results),
    )
    assert (first, second) == (7, 22)
    assert after("a >= 0.5", "accuracy >= 0.8", results=results) == 22
    assert after("a >= 0.5", "a >= 0.97", results=results) is None
    assert after("a >= 0.8", results=results[:21]) is None
    assert after(results=results) is None


@pytest.mark.parametrize(
    "gate",
    [
        "a >= 0.5 point",
        "a == 0.5",
        "a >= 0",
        "a[x=1] >= 0.5",
        "a >= baseline",
        "misses <= 3",
        "error_rate <= 0.5",
    ],
)
def test_other_gates_keep_a_task_going(gate: str) -> None:
    """Alone, or beside one that is decided."""
    results = results_of([1.0] * 60)
    assert after(gate, results=results) is None
    assert after("a >= 0.5", gate, results=results) is None


def test_only_plain_means_between_0_and_1_are_bet_on() -> None:
    """Not weighted ones, points of 100, or measures of all samples; nor with errors."""
    assert after("a >= 0.5", results=results_of([1.0] * 60, weight=2.0)) is None
    assert after("a >= 0.5", results=results_of([80.0] * 60)) is None
    share = Share("f1", (1.0, 0.0, 0.0, 0.0))
    assert after("a >= 0.5", results=results_of([1.0] * 60, share=share)) is None
    assert after("a >= 0.5", results=results_of([1.0] * 60 + [None])) is None


@pytest.mark.parametrize(
    ("gate", "value", "state"),
    [
        ("a >= 0.8", 1.0, "passed"),
        ("a > 0.8", 0.0, "failed"),
        ("a <= 0.8", 1.0, "failed"),
        ("a < 0.8", 0.0, "passed"),
    ],
)
def test_verdict_is_that_of_the_samples_that_decided(
    gate: str, value: float, state: str
) -> None:
    """Answers that were asked ahead, and say otherwise, do not count."""
    results = results_of([value] * 60)
    n = after(gate, results=results)
    assert n is not None
    ahead = results_of([value] * n + [1 - value] * 40)
    verdict = judge(gate, ahead, n, planned=300)
    assert verdict.state == state
    assert verdict.metric is not None
    assert (verdict.metric.n, verdict.metric.value) == (n, value)
    assert verdict.metric.interval == betting_interval([value] * n)
    assert f"over {n} of 300 samples" in verdict.reason
    assert judge(gate, ahead, None, planned=300).state == "inconclusive"


def test_undecided_after_all_samples_is_inconclusive() -> None:
    """With what more would take; an error is an error as ever."""
    results = results_of([1.0, 1.0, 1.0, 1.0, 0.0] * 20)
    verdict = judge("a >= 0.8", results, None, planned=100)
    assert verdict.state == "inconclusive"
    verdict = judge("a >= 0.75", results, None, planned=100)
    assert verdict.state == "inconclusive"
    assert verdict.more_samples is not None
    assert judge("a >= 0.1", results_of([1.0, None]), None, planned=2).state == "error"


def test_row_shows_what_was_decided_by() -> None:
    """The mean of the samples that decided; totals and points stay."""
    results = results_of([1.0] * 22 + [0.0] * 10)
    plain = compute("a", results, REGISTRY)
    found = watched(plain, results, REGISTRY, Course("7", 22))
    assert (found.value, found.n, found.stderr) == (1.0, 22, None)
    assert found.interval == betting_interval([1.0] * 22)
    misses = compute("misses", results, REGISTRY)
    assert watched(misses, results, REGISTRY, Course("7", 22)) is misses


def test_a_model_at_the_number_passes_as_rarely_as_said() -> None:
    """600 tasks of 300 samples, looked at all the time: 2.5 % may pass, and fail."""
    chance = random.Random(31)
    gate = parse_gate("a >= 0.8", where="card")
    states = []
    for _ in range(600):
        values = [float(chance.random() < 0.8) for _ in range(300)]
        found = decide_side(values, gate.threshold, confidence=gate.confidence or 0.95)
        stopped = found.n if found else None
        asked = results_of(list(values[: stopped or 300]))
        states.append(judge("a >= 0.8", asked, stopped, planned=300).state)
    assert fmean(state == "passed" for state in states) <= 0.045
    assert fmean(state == "failed" for state in states) <= 0.045
    assert {"passed", "failed"} & set(states)
