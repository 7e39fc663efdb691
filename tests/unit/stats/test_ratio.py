"""Fieller's interval, against the t test that it inverts, and by simulation."""

import math
import random

import pytest

from llmlab_pytest.core import Interval
from llmlab_pytest.stats import fieller, fieller_of_tasks, student_t

scipy_stats = pytest.importorskip("scipy.stats", reason="comes with extra [local]")


def drawn_costs(drawn: random.Random, n: int, rate: float) -> tuple[list[float], ...]:
    """Dear answers are wrong more often, as long ones are."""
    right = [float(drawn.random() < rate) for _ in range(n)]
    costs = [drawn.lognormvariate(0, 0.6) * (1.3 - 0.3 * one) for one in right]
    return costs, right


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_ends_of_fieller_are_where_the_t_test_turns(confidence: float) -> None:
    """At each end scipy's t test of x - r y against 0 has exactly that p value."""
    costs, right = drawn_costs(random.Random(4), 40, 0.7)
    found = fieller(costs, right, confidence=confidence)
    assert found is not None
    for ratio in (found.low, found.high):
        apart = [cost - ratio * one for cost, one in zip(costs, right, strict=True)]
        p = float(scipy_stats.ttest_1samp(apart, 0.0).pvalue)
        assert p == pytest.approx(1 - confidence, rel=1e-6)
    assert found.low < sum(costs) / sum(right) < found.high


def test_fieller_of_a_constant_is_student_t() -> None:
    """Where all answers are right, dollars per right answer are dollars per answer."""
    costs = [0.5, 1.0, 1.5, 4.0]
    ends = student_t(costs)
    assert ends is not None
    found = fieller(costs, [1.0] * 4)
    assert found == Interval(
        pytest.approx(ends.low), pytest.approx(ends.high), 0.95, "fieller"
    )


def test_fieller_has_no_bound_where_the_divisor_may_be_nothing() -> None:
    """One right answer of ten is not told from none; one sample tells nothing."""
    assert fieller([1.0] * 10, [1.0, *[0.0] * 9]) is None
    assert fieller([1.0], [1.0]) is None


def test_fieller_covers_the_true_ratio_as_often_as_it_says() -> None:
    """2,000 times 60 samples: 95 %, give or take what a skewed cost does to t."""
    drawn = random.Random(11)
    truth = math.exp(0.18) * (1.3 - 0.3 * 0.6) / 0.6
    inside = 0
    for _ in range(2000):
        found = fieller(*drawn_costs(drawn, 60, 0.6))
        inside += found is not None and found.low <= truth <= found.high
    assert 0.93 <= inside / 2000 <= 0.965


def test_fieller_over_tasks_inverts_the_normal_test_of_means() -> None:
    """At each end the mean over tasks of x - r y is t standard errors from 0."""
    drawn = random.Random(9)
    tasks = [drawn_costs(drawn, n, rate) for n, rate in ((30, 0.8), (90, 0.4))]
    found = fieller_of_tasks(tasks)
    assert found is not None
    t = float(scipy_stats.t.ppf(0.975, 118))
    for ratio in (found.low, found.high):
        apart = [
            [cost - ratio * one for cost, one in zip(*task, strict=True)]
            for task in tasks
        ]
        mean = sum(sum(own) / len(own) for own in apart) / 2
        squares = sum(float(scipy_stats.sem(own)) ** 2 for own in apart) / 4
        assert abs(mean) == pytest.approx(t * squares**0.5)
    assert fieller_of_tasks([*tasks, ([1.0], [1.0])]) is None


def test_fieller_over_tasks_covers_as_often_as_it_says() -> None:
    """1,500 times two tasks whose rates and costs differ."""
    drawn = random.Random(17)
    shapes = ((40, 0.9), (60, 0.5))
    many = [drawn_costs(drawn, 200_000, rate) for _, rate in shapes]
    truth = sum(sum(c) / len(c) for c, _ in many) / sum(
        sum(r) / len(r) for _, r in many
    )
    inside = 0
    for _ in range(1500):
        found = fieller_of_tasks([drawn_costs(drawn, n, rate) for n, rate in shapes])
        inside += found is not None and found.low <= truth <= found.high
    assert 0.93 <= inside / 1500 <= 0.965
