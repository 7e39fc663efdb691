"""Reducers: what several answers to one sample come to."""

from dataclasses import replace
from itertools import combinations, product

import pytest

from llmlab_pytest.core import ConfigError, SampleResult, Score, TaskPlan
from llmlab_pytest.metrics import (
    build_row,
    check_epochs,
    compute,
    default_metrics,
    values_of,
)


def _results(*samples: str) -> list[SampleResult]:
    """Return results: one text per sample, `+` for each right epoch, `-` for wrong."""
    return [
        SampleResult(
            task="t",
            model="m",
            sample_id=str(number),
            epoch=epoch,
            scores=(Score(scorer="passes_tests", value=float(mark == "+")),),
        )
        for number, marks in enumerate(samples)
        for epoch, mark in enumerate(marks, start=1)
    ]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("marks", ["-----", "+----", "++---", "++++-", "+++++"])
def test_estimate_equals_counting_all_draws(marks: str, k: int) -> None:
    """The formula gives the share of all draws of k epochs that hold a right one."""
    draws = list(combinations(marks, k))
    share = sum("+" in draw for draw in draws) / len(draws)
    ((value, _),) = values_of(_results(marks), f"pass@{k}")
    assert value == pytest.approx(share)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("marks", ["-----", "+----", "+++--", "++++-", "+++++"])
def test_all_right_equals_counting_all_draws(marks: str, k: int) -> None:
    """pass^k is the share of all draws of k epochs that are right throughout."""
    draws = list(combinations(marks, k))
    share = sum(set(draw) == {"+"} for draw in draws) / len(draws)
    ((value, _),) = values_of(_results(marks), f"pass^{k}")
    assert value == pytest.approx(share)


def test_pass_all_is_unbiased() -> None:
    """Over all texts of 4 epochs that a model right 7 times in 10 gives: 0.7²."""
    total = 0.0
    for marks in product("+-", repeat=4):
        ((value, _),) = values_of(_results("".join(marks)), "pass^2")
        total += value * 0.7 ** marks.count("+") * 0.3 ** marks.count("-")
    assert total == pytest.approx(0.49)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("majority", [1.0, 0.0, 0.0, 1.0]),
        ("at_least_1", [1.0, 1.0, 0.0, 1.0]),
        ("at_least_2", [1.0, 1.0, 0.0]),
        ("at_least_4", [0.0, 0.0]),
    ],
)
def test_counts_of_right_epochs_decide(name: str, wanted: list[float]) -> None:
    """Half is no majority; samples with fewer epochs than k are left out."""
    values = values_of(_results("+++-", "++--", "---", "+"), name)
    assert [value for value, _ in values] == wanted


def test_samples_that_disagree_with_themselves_are_named() -> None:
    """By any difference of their primary scores, not only right and wrong."""
    results = _results("++", "+-", "-", "-+-")
    half = replace(results[0], scores=(Score(scorer="passes_tests", value=0.5),))
    plan = TaskPlan(task="t", model="m", planned=8, available=8, epochs=3)
    row = build_row(plan, results, default_metrics())
    assert row.flaky == ("1", "3")
    row = build_row(plan, [half, *results[1:]], default_metrics())
    assert row.flaky == ("0", "1", "3")


def test_metric_is_the_mean_over_samples() -> None:
    """Each sample counts once, however many epochs it has."""
    metric = compute("pass@2", _results("+---", "--", "++"), default_metrics())
    assert (metric.name, metric.n) == ("pass@2", 3)
    assert metric.value == pytest.approx((0.5 + 0 + 1) / 3)


def test_pass_at_1_is_the_accuracy() -> None:
    """With one epoch and with several; value and interval."""
    for samples in (["+", "-", "+", "+"], ["+-", "--", "++"]):
        results = _results(*samples)
        first = compute("pass@1", results, default_metrics())
        accuracy = compute("accuracy", results, default_metrics())
        assert (first.value, first.interval) == (accuracy.value, accuracy.interval)


def test_samples_with_too_few_epochs_are_left_out() -> None:
    """Where k answers were not given, the estimate is not defined."""
    assert values_of(_results("+-", "+"), "pass@2") == [(1.0, 1.0)]
    metric = compute("pass@3", _results("+-", "+"), default_metrics())
    assert (metric.value, metric.n) == (None, 0)


def test_more_draws_than_epochs_are_refused() -> None:
    """The message names the metric, the place and the number of epochs it takes."""
    with pytest.raises(ConfigError, match=r"'pass@10' in card needs 10 .* epochs is 3"):
        check_epochs("pass@10", epochs=3, where="card")
    check_epochs("pass@3", epochs=3, where="card")
    check_epochs("accuracy", epochs=1, where="card")


@pytest.mark.parametrize("name", ["pass@0", "pass@", "pass@-1", "pass@1.5", "xpass@1"])
def test_other_names_are_no_draws(name: str) -> None:
    """Only `pass@` and a whole number above 0 is this metric."""
    with pytest.raises(ConfigError, match="Unknown metric"):
        compute(name, _results("+"), default_metrics())
