"""From results to numbers: what counts, what does not, and what stays unknown."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import (
    ConfigError,
    Metric,
    SampleResult,
    Score,
    TaskPlan,
    Usage,
)
from llmlab_pytest.metrics import (
    build_row,
    compute,
    default_metrics,
    interval_at,
    values_of,
)

PLAN = TaskPlan(task="t", model="m", planned=4, available=9)


def result(sample: str, *values: float | None, epoch: int = 1, **fields: Any) -> Any:
    """Return a result with scores a, b, … of these values."""
    scores = tuple(
        Score(scorer=name, value=value)
        for name, value in zip("abc", values, strict=False)
    )
    base: dict[str, Any] = {"task": "t", "model": "m", "cost_usd": 0.0}
    return SampleResult(
        **{**base, "sample_id": sample, "epoch": epoch, "scores": scores, **fields}
    )


def metric(name: str, results: Sequence[SampleResult]) -> Metric:
    return compute(name, results, default_metrics())


def test_accuracy_is_the_primary_scorer() -> None:
    """`accuracy` and the first scorer's name are the same mean, by Wilson."""
    results = [result("1", 1, 0), result("2", 1, 0), result("3", 0, 1)]
    for name in ("accuracy", "a"):
        found = metric(name, results)
        assert found.value == pytest.approx(2 / 3)
        assert found.n == 3
        assert found.interval is not None
        assert found.interval.method == "wilson"
        assert found.interval.low == pytest.approx(0.2077, abs=1e-4)
    assert metric("b", results).value == pytest.approx(1 / 3)


def test_shares_get_students_interval() -> None:
    """Scores between 0 and 1 are no proportion."""
    found = metric("accuracy", [result("1", 0.2), result("2", 0.9), result("3", 1.0)])
    assert found.interval is not None
    assert found.interval.method == "student-t"
    assert found.value == pytest.approx(0.7)


def weighted(*pairs: tuple[float, float]) -> list[SampleResult]:
    """Return results with scores of these values and weights."""
    return [
        replace(result(str(n)), scores=(Score(scorer="a", value=value, weight=weight),))
        for n, (value, weight) in enumerate(pairs)
    ]


def test_weights_make_a_mean_over_parts() -> None:
    """3 of 3, 0 of 1 and 1 of 2 instructions are 4 of 6; lm-eval gives no stderr."""
    found = metric("a", weighted((1.0, 3.0), (0.0, 1.0), (0.5, 2.0)))
    assert found.value == pytest.approx(4 / 6)
    assert (found.n, found.stderr) == (3, None)
    assert found.interval is not None
    assert found.interval.method == "ratio-t"


def test_weights_without_variance_are_not_certain() -> None:
    """All instructions followed by three prompts is three of three, not for sure."""
    found = metric("a", weighted((1.0, 3.0), (1.0, 1.0), (1.0, 2.0)))
    assert found.value == 1.0
    assert found.interval is not None
    assert found.interval == metric("a", [result(str(n), 1.0) for n in "123"]).interval
    assert found.interval.low < 0.5


def texts(*lls_and_units: tuple[float, int, int]) -> list[SampleResult]:
    """Return results of whole texts: log-likelihood, words and bytes."""
    return [
        replace(
            result(str(n)),
            scores=(
                Score(scorer="nats_per_word", value=-ll / words, weight=words),
                Score(scorer="nats_per_byte", value=-ll / count, weight=count),
            ),
        )
        for n, (ll, words, count) in enumerate(lls_and_units)
    ]


def test_perplexities_are_those_of_the_corpus() -> None:
    """exp(-Σ ll / Σ words), not a mean over texts; bits are per byte."""
    results = texts((-20.0, 10, 50), (-70.0, 20, 100), (-9.0, 3, 12))
    found = metric("word_perplexity", results)
    assert found.value == pytest.approx(math.exp(99 / 33))
    assert (found.n, found.stderr) == (3, None)
    assert metric("byte_perplexity", results).value == pytest.approx(math.exp(99 / 162))
    assert metric("bits_per_byte", results).value == pytest.approx(
        99 / 162 / math.log(2)
    )
    assert metric("token_perplexity", results).value is None


def test_interval_of_a_perplexity_is_that_of_the_nats() -> None:
    """A growing function keeps the order of the bounds, at any confidence."""
    results = texts((-20.0, 10, 50), (-70.0, 20, 100), (-9.0, 3, 12))
    nats = interval_at("nats_per_word", results, confidence=0.9)
    found = interval_at("word_perplexity", results, confidence=0.9)
    assert nats is not None
    assert found is not None
    bounds = (math.exp(nats.low), math.exp(nats.high))
    assert (found.low, found.high) == pytest.approx(bounds)
    assert (found.confidence, found.method) == (0.9, "ratio-t")
    shown = metric("word_perplexity", results).interval
    assert shown is not None
    assert shown.low < found.low < found.high < shown.high


def test_perplexity_beyond_a_float_stays_a_number() -> None:
    """A text without spaces is one word of thousands of nats."""
    found = metric("word_perplexity", texts((-5000.0, 1, 3000), (-9.0, 3, 12)))
    assert found.value is not None
    assert 1e300 < found.value < math.inf
    assert found.interval is not None
    assert found.interval.high < math.inf


def test_weights_hold_over_epochs() -> None:
    """A sample's epochs are its mean, with its weight once."""
    first = weighted((1.0, 3.0), (0.0, 1.0))
    again = [replace(r, epoch=2, scores=()) for r in first]
    again = [
        replace(r, scores=(Score(scorer="a", value=0.0, weight=w),))
        for r, w in zip(again, (3.0, 1.0), strict=True)
    ]
    assert values_of([*first, *again], "a") == [(0.5, 3.0), (0.0, 1.0)]
    assert metric("a", [*first, *again]).value == pytest.approx(1.5 / 4)


def test_weights_of_one_are_a_plain_mean() -> None:
    """A prompt with one instruction is right or wrong, as any sample."""
    plain = metric("a", [result("0", 1.0), result("1", 0.0)])
    assert metric("a", weighted((1.0, 1.0), (0.0, 1.0))) == plain
    assert plain.stderr is not None


def test_epochs_of_a_sample_count_once() -> None:
    """Ten repetitions of two samples are two samples."""
    results = [result("1", 1, epoch=n) for n in range(1, 11)]
    results += [result("2", n % 2, epoch=n) for n in range(1, 11)]
    found = metric("accuracy", results)
    assert (found.value, found.n) == (0.75, 2)


def test_errors_are_in_no_mean() -> None:
    """Trouble is not a wrong answer: the mean is over what was answered."""
    results = [result("1", 1), result("2", error="ProviderError: gone", cost_usd=None)]
    assert metric("accuracy", results).value == 1.0
    assert metric("accuracy", results).n == 1
    assert metric("errors", results).value == 1
    assert metric("error_rate", results).value == 0.5
    row = build_row(PLAN, results, default_metrics())
    assert (row.samples, row.misses, row.errors) == (2, 0, 1)


@given(st.lists(st.sampled_from([0.0, 1.0, None]), min_size=1), st.integers(0, 99))
def test_order_changes_nothing(values: list[float | None], seed: int) -> None:
    """Workers finish in any order."""
    results = [result(str(n), value) for n, value in enumerate(values)]
    shuffled = results.copy()
    random.Random(seed).shuffle(shuffled)
    assert metric("accuracy", results) == metric("accuracy", shuffled)
    judged = [value for value in values if value is not None]
    assert metric("misses", results).value == judged.count(0.0)


def test_cost_is_unknown_as_soon_as_one_is() -> None:
    """A total of what is known would look like the total."""
    known = [result("1", 1, cost_usd=0.25), result("2", 1, cost_usd=0.5)]
    assert metric("cost_usd", known).value == 0.75
    assert metric("cost_usd", [*known, result("3", 1, cost_usd=None)]).value is None


def test_row_sums_tokens_and_times() -> None:
    """Tokens add up; latencies are quantiles; speed is tokens by time asked."""
    results = [
        result(
            str(n),
            1,
            usage=Usage(input_tokens=10, output_tokens=n),
            latency_s=float(n),
        )
        for n in range(1, 5)
    ]
    row = build_row(PLAN, results, default_metrics())
    assert (row.usage.input_tokens, row.usage.output_tokens) == (40, 10)
    assert row.latency_p50_s == 2.5
    assert row.latency_p95_s == pytest.approx(3.85)
    assert row.tokens_per_s == 5.0
    assert metric("output_tokens", results).value == 10
    empty = build_row(PLAN, [], default_metrics())
    assert (empty.samples, empty.latency_p50_s, empty.tokens_per_s) == (0, None, None)


def test_misses_of_shares_are_not_counted() -> None:
    """A share is neither right nor wrong."""
    row = build_row(PLAN, [result("1", 0.3)], default_metrics())
    assert row.misses is None


def test_row_shows_the_metrics_of_the_plan() -> None:
    """The card's metrics, else one per scorer."""
    results = [result("1", 1, 0)]
    names = [m.name for m in build_row(PLAN, results, default_metrics()).metrics]
    assert names == ["a", "b"]
    chosen = TaskPlan(
        task="t", model="m", planned=1, available=1, metrics=("misses", "b")
    )
    names = [m.name for m in build_row(chosen, results, default_metrics()).metrics]
    assert names == ["misses", "b"]


def test_unknown_metric_is_suggested() -> None:
    """A typo leads to the metric that was meant."""
    with pytest.raises(ConfigError, match=r"'acuracy'.*'accuracy'"):
        metric("acuracy", [result("1", 1)])


def test_values_are_by_sample() -> None:
    """Unscored results give no value."""
    results = [result("1", 1), result("2", None), result("3", 0, epoch=2)]
    assert values_of(results, "a") == [(1.0, 1.0), (0.0, 1.0)]
    assert values_of(results, "nothing") == []


GROUPS = {
    "1": ("stem", "anatomy"),
    "2": ("stem", "anatomy"),
    "3": ("stem", "physics"),
    "4": ("other", "law"),
}


def test_groups_hold_their_parts_and_weigh_by_samples() -> None:
    """A group is the mean over its samples, not over its parts, and comes first."""
    results = [result("1", 1), result("2", 0), result("3", 1), result("4", 0)]
    row = build_row(PLAN, results, default_metrics(), groups=GROUPS)
    found = {group.path: group.metrics[0] for group in row.groups}
    assert list(found) == [
        ("other",),
        ("other", "law"),
        ("stem",),
        ("stem", "anatomy"),
        ("stem", "physics"),
    ]
    assert found["stem",].value == pytest.approx(2 / 3)
    assert found["stem", "anatomy"].value == 0.5
    assert [metric.n for metric in found.values()] == [1, 1, 3, 2, 1]
    assert [group.samples for group in row.groups] == [1, 1, 3, 2, 1]


def test_errors_of_groups_are_pooled_over_parts() -> None:
    """Within the parts: what differs between them is no error of the mean."""
    results = [result("1", 1), result("2", 0), result("3", 1), result("4", 0)]
    row = build_row(PLAN, results, default_metrics(), groups=GROUPS)
    stem = next(group for group in row.groups if group.path == ("stem",))
    assert stem.metrics[0].stderr == pytest.approx((0.5 / 1 / 3) ** 0.5)
    assert row.metrics[0].stderr == pytest.approx((0.5 / 1 / 4) ** 0.5)
    plain = build_row(PLAN, results, default_metrics())
    assert plain.groups == ()
    assert plain.metrics[0].stderr == pytest.approx((1 / 3 / 4) ** 0.5)
    assert plain.metrics[0].interval == row.metrics[0].interval


def test_error_counts_in_its_group_and_has_no_value() -> None:
    """A part all of whose samples failed is shown, without a number."""
    results = [result("1", 1), result("2", 0), result("4", error="RateLimited: no")]
    row = build_row(PLAN, results, default_metrics(), groups=GROUPS)
    law = next(group for group in row.groups if group.path == ("other", "law"))
    assert law.samples == 1
    assert (law.metrics[0].value, law.metrics[0].n) == (None, 0)


def test_mean_of_parts_counts_each_part_once() -> None:
    """2 of 4 and 2 of 2 are 4 of 6, but on average 0.75 of a part."""
    values = {"a1": 1, "a2": 0, "a3": 1, "a4": 0, "b1": 1, "b2": 1}
    results = [result(name, value) for name, value in values.items()]
    paths = {name: ("all", name[0]) for name in values}
    plan = replace(PLAN, metrics=("a@parts", "a"))
    row = build_row(plan, results, default_metrics(), groups=paths)
    mean, plain = row.metrics
    assert (mean.name, mean.value, mean.n) == ("a@parts", 0.75, 6)
    assert plain.value == pytest.approx(4 / 6)
    # s/√n of (1, 0, 1, 0) is 0.288675; that of (1, 1) is 0.
    assert mean.stderr == pytest.approx(math.sqrt(1 / 3) / math.sqrt(4) / 2)
    assert mean.interval is not None
    assert mean.interval.high == pytest.approx(0.75 + 1.959964 * mean.stderr)
    (whole,) = [group for group in row.groups if group.path == ("all",)]
    assert whole.metrics[0] == mean


def test_mean_of_parts_has_no_error_where_a_part_has_none() -> None:
    """One sample of a part says nothing about its spread; none at all no value."""
    results = [result("a1", 1), result("a2", 0), result("b1", 1)]
    paths = {name: (name[0],) for name in ("a1", "a2", "b1", "c1")}
    plan = replace(PLAN, metrics=("a@parts",))
    (mean,) = build_row(plan, results, default_metrics(), groups=paths).metrics
    assert (mean.value, mean.n, mean.stderr, mean.interval) == (0.75, 3, None, None)
    broken = [replace(result("c1"), error="x")]
    (empty,) = build_row(plan, broken, default_metrics(), groups=paths).metrics
    assert (empty.value, empty.n) == (None, 0)
