"""pass@k: the chance that k of n answers hold a right one."""

from itertools import combinations

import pytest

from llmlab_pytest.core import ConfigError, SampleResult, Score
from llmlab_pytest.metrics import check_draws, compute, default_metrics, values_of


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
        check_draws("pass@10", epochs=3, where="card")
    check_draws("pass@3", epochs=3, where="card")
    check_draws("accuracy", epochs=1, where="card")


@pytest.mark.parametrize("name", ["pass@0", "pass@", "pass@-1", "pass@1.5", "xpass@1"])
def test_other_names_are_no_draws(name: str) -> None:
    """Only `pass@` and a whole number above 0 is this metric."""
    with pytest.raises(ConfigError, match="Unknown metric"):
        compute(name, _results("+"), default_metrics())
