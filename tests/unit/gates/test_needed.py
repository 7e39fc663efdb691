"""What more it would take: the number of samples, checked by drawing so many."""

import random
from statistics import fmean
from typing import Any

import pytest

from llmlab_pytest.core import (
    Original,
    SampleResult,
    Score,
    TaskPlan,
    Verdict,
)
from llmlab_pytest.gates import Baseline, Evidence, decide, parse_gate
from llmlab_pytest.metrics import default_metrics


def results_of(values: list[float], **fields: Any) -> list[SampleResult]:
    return [
        SampleResult(
            task="t",
            model="m",
            sample_id=f"s{n}",
            scores=(Score(scorer="a", value=value),),
            **{"cost_usd": 0.01, **fields},
        )
        for n, value in enumerate(values)
    ]


def judge(
    text: str,
    results: list[SampleResult],
    baseline: list[SampleResult] | None = None,
    available: int = 100_000,
) -> Verdict:
    n = len(results)
    plan = TaskPlan(task="t", model="m", planned=n, available=available)
    evidence = Evidence()
    if baseline is not None:
        found = Baseline(name="main", model="m", results=tuple(baseline))
        evidence = Evidence(baseline=found)
    gate = parse_gate(text, where="card")
    return decide(gate, plan, results, default_metrics(), evidence)


@pytest.mark.parametrize(
    ("gate", "right", "wrong"),
    [("accuracy >= 0.8", 44, 6), ("accuracy >= 0.8", 38, 12), ("a <= 0.4", 12, 28)],
)
def test_so_many_more_samples_decide_four_times_in_five(
    gate: str, right: int, wrong: int
) -> None:
    """Of 300 runs with that many in all, at the observed rate, about 240 decide."""
    observed = results_of([1.0] * right + [0.0] * wrong)
    verdict = judge(gate, observed)
    assert verdict.state == "inconclusive"
    assert verdict.more_samples is not None
    n, rate = len(observed) + verdict.more_samples, right / len(observed)
    chance = random.Random(1)
    states = [
        judge(gate, results_of([float(chance.random() < rate) for _ in range(n)])).state
        for _ in range(300)
    ]
    assert fmean(state != "inconclusive" for state in states) == pytest.approx(
        0.8, abs=0.08
    )


def test_a_mean_and_a_difference_need_so_many() -> None:
    """Scores between 0 and 1, and the pairs of two runs, drawn anew 200 times."""
    chance = random.Random(2)

    def drawn(n: int) -> tuple[list[SampleResult], list[SampleResult]]:
        before = [chance.random() for _ in range(n)]
        now = [min(1.0, max(0.0, v + chance.gauss(0.05, 0.2))) for v in before]
        return results_of(now), results_of(before)

    gate = "a >= baseline"
    for _ in range(50):
        now, before = drawn(40)
        verdict = judge(gate, now, before)
        if verdict.state == "inconclusive":
            break
    assert verdict.more_samples is not None
    assert verdict.metric is not None
    assert verdict.metric.interval is not None
    # The distance that was observed, in standard errors, must grow to 2.8 of them.
    interval, value = verdict.metric.interval, verdict.metric.value or 0.0
    stderr = (interval.high - interval.low) / 2 / 1.96
    wanted = 40 * (2.8 * stderr / value) ** 2
    assert 40 + verdict.more_samples == pytest.approx(wanted, rel=0.01)


def test_no_difference_at_all_needs_few() -> None:
    """80 samples of which none differs: z² (1 - m) / m + what power takes decides."""
    same = results_of([1.0] * 60 + [0.0] * 20)
    verdict = judge("accuracy >= baseline - 2 points", same, same)
    assert verdict.state == "inconclusive"
    assert verdict.more_samples == 109
    n = 80 + 109
    many = results_of([1.0] * n)
    assert judge("accuracy >= baseline - 2 points", many, many).state == "passed"
    fewer = results_of([1.0] * (n - 2))
    verdict = judge("accuracy >= baseline - 2 points", fewer, fewer)
    assert verdict.state == "inconclusive"


def test_cost_is_that_of_a_sample_with_its_epochs() -> None:
    """What kept answers cost once counts; an unknown price leaves the cost out."""
    values = [1.0] * 12 + [0.0] * 8
    plain = judge("a >= 0.5", results_of(values))
    assert plain.more_samples == 174
    assert plain.more_cost_usd == pytest.approx(1.74)
    kept = Original(source="cache", cost_usd=0.5)
    cached = judge("a >= 0.5", results_of(values, cost_usd=0.0, original=kept))
    assert cached.more_cost_usd == pytest.approx(87.0)
    unknown = judge("a >= 0.5", results_of(values, cost_usd=None))
    assert unknown.more_cost_usd is None
    assert "$" not in unknown.reason
    free = judge("a >= 0.5", results_of(values, cost_usd=0.0))
    assert "$" not in free.reason
    twice = [replace_epoch(r, 2) for r in results_of(values)] + results_of(values)
    assert judge("a >= 0.5", twice).more_cost_usd == pytest.approx(3.48)


def replace_epoch(result: SampleResult, epoch: int) -> SampleResult:
    return SampleResult(
        task="t",
        model="m",
        sample_id=result.sample_id,
        epoch=epoch,
        scores=result.scores,
        cost_usd=result.cost_usd,
    )


def test_reason_says_when_the_task_has_not_so_many() -> None:
    """Then no run of it can decide, and another question must be asked."""
    results = results_of([1.0] * 12 + [0.0] * 8)
    assert judge("a >= 0.5", results, available=120).reason.endswith(
        "for about $1.74; the task has 100 more"
    )
    verdict = judge("a >= 0.6", results)
    assert verdict.reason.endswith("no number of samples would decide")
    assert (verdict.more_samples, verdict.more_cost_usd) == (None, None)


def test_decided_gates_need_nothing_more() -> None:
    """Nor do those that wait for planned samples."""
    for gate in ("a >= 0.2", "a >= 0.9", "a >= 0.5 point", "misses <= 3"):
        verdict = judge(gate, results_of([1.0] * 12 + [0.0] * 8))
        assert verdict.state != "inconclusive"
        assert verdict.more_samples is None
