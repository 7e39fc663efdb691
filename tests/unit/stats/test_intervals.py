"""Intervals and quantiles against scipy and numpy."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab_pytest.stats import (
    clopper_pearson,
    mean_stderr,
    pooled_stderr,
    quantile,
    ratio_interval,
    student_t,
    wilson,
)
from llmlab_pytest.stats._student import student_t_quantile

numpy = pytest.importorskip("numpy", reason="the reference comes with extra [local]")
scipy_stats = pytest.importorskip("scipy.stats", reason="comes with extra [local]")
CONFIDENCES = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20_000), st.data(), st.sampled_from(CONFIDENCES))
def test_wilson_equals_scipy(n: int, data: st.DataObject, confidence: float) -> None:
    """The score interval without continuity correction."""
    successes = data.draw(st.integers(0, n))
    found = wilson(successes, n, confidence=confidence)
    expected = scipy_stats.binomtest(successes, n).proportion_ci(
        confidence, method="wilson"
    )
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-12)
    assert found.low <= successes / n <= found.high
    assert (found.confidence, found.method) == (confidence, "wilson")


def test_wilson_ends_are_exact() -> None:
    """Nothing right is 0 and everything right is 1, without rounding; none is none."""
    nothing, everything = wilson(0, 7), wilson(7, 7)
    assert nothing is not None
    assert everything is not None
    assert (nothing.low, everything.high) == (0.0, 1.0)
    assert wilson(0, 0) is None
    for successes in (-1, 8):
        with pytest.raises(ValueError, match="successes of 7"):
            wilson(successes, 7)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.data(), st.sampled_from(CONFIDENCES))
def test_clopper_pearson_equals_scipy(
    n: int, data: st.DataObject, confidence: float
) -> None:
    """The exact interval, ends included; none of nothing."""
    successes = data.draw(st.integers(0, n))
    found = clopper_pearson(successes, n, confidence=confidence)
    theirs = scipy_stats.binomtest(successes, n).proportion_ci(
        confidence, method="exact"
    )
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(theirs), abs=1e-9)
    assert clopper_pearson(0, 0) is None


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5, 0.93])
def test_exact_coverage_of_both_intervals_of_a_proportion(rate: float) -> None:
    """Summed over all outcomes of 30: Clopper-Pearson never below, Wilson near it."""
    chances = scipy_stats.binom.pmf(range(31), 30, rate)
    held = {"wilson": 0.0, "clopper-pearson": 0.0}
    for successes, chance in enumerate(chances):
        for found in (wilson(successes, 30), clopper_pearson(successes, 30)):
            assert found is not None
            held[found.method] += chance * (found.low <= rate <= found.high)
    assert held["clopper-pearson"] >= 0.95
    assert held["wilson"] >= 0.91


@pytest.mark.parametrize("degrees", [1, 2, 3, 3.7, 4, 7, 19, 99, 1000, 10_000])
@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_student_quantile_equals_scipy(degrees: float, confidence: float) -> None:
    """Without scipy's import the same quantile to nine digits."""
    p = (1 + confidence) / 2
    expected = scipy_stats.t.ppf(p, degrees)
    assert student_t_quantile(p, degrees) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 9)), min_size=2, max_size=40))
def test_ratio_interval_equals_the_delta_method(pairs: list[tuple[float, int]]) -> None:
    """Variance of y / w by covariances: (s²y + R² s²w - 2 R syw) / (n w²)."""
    values, weights = zip(*pairs, strict=True)
    parts = numpy.array(values) * weights
    ratio = parts.sum() / sum(weights)
    (yy, yw), (_, ww) = numpy.cov(parts, weights)
    variance = max(0.0, yy + ratio**2 * ww - 2 * ratio * yw) / len(pairs)
    half = scipy_stats.t.ppf(0.95, len(pairs) - 1) * math.sqrt(variance)
    half /= sum(weights) / len(pairs)
    found = ratio_interval(values, weights, confidence=0.9)
    assert found is not None
    wanted = pytest.approx((ratio - half, ratio + half), abs=1e-6)
    assert (found.low, found.high) == wanted


def test_ratio_interval_of_equal_weights_is_students() -> None:
    """Weights that do not differ change nothing; one sample has no interval."""
    values = [0.25, 0.5, 1.0, 0.0]
    equal, plain = ratio_interval(values, [3.0] * 4), student_t(values)
    assert equal is not None
    assert plain is not None
    assert (equal.low, equal.high) == pytest.approx((plain.low, plain.high))
    assert ratio_interval([0.5], [2.0]) is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=60))
def test_student_interval_equals_scipy(values: list[float]) -> None:
    """Mean, standard error and interval are scipy's."""
    stderr = mean_stderr(values)
    assert stderr == pytest.approx(scipy_stats.sem(values), rel=1e-9, abs=1e-9)
    found = student_t(values)
    assert found is not None
    half = scipy_stats.t.ppf(0.975, len(values) - 1) * scipy_stats.sem(values)
    mean = numpy.mean(values)
    assert found.low == pytest.approx(mean - half, rel=1e-9, abs=1e-6)
    assert found.high == pytest.approx(mean + half, rel=1e-9, abs=1e-6)


def test_one_value_has_no_error() -> None:
    """Nothing can be said of the spread of one value."""
    assert mean_stderr([0.5]) is None
    assert student_t([0.5]) is None
    assert student_t([]) is None


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50),
    st.floats(0, 1),
)
def test_quantile_equals_numpy(values: list[float], q: float) -> None:
    """Linear interpolation, numpy's default, whatever the order."""
    assert quantile(values, q) == pytest.approx(
        float(numpy.quantile(values, q)), rel=1e-9, abs=1e-6
    )


def test_quantile_of_nothing_is_none() -> None:
    """No latency is not a latency of 0."""
    assert quantile([], 0.5) is None


def test_wider_confidence_is_a_wider_interval() -> None:
    """Intervals of one sample are nested."""
    widths = []
    for confidence in CONFIDENCES:
        found = wilson(3, 10, confidence=confidence)
        assert found is not None
        widths.append(found.high - found.low)
    assert widths == sorted(widths)
    assert math.isclose(widths[-1], 0.6952, abs_tol=0.02)


# Computed with lm-eval 0.4.13's mean_stderr and pooled_sample_stderr.
@pytest.mark.parametrize(
    ("parts", "pooled"),
    [
        ([[1, 0, 0, 1, 1], [0, 0], [1, 1, 1, 0, 1, 0, 1]], 0.13064702690866797),
        ([[1, 0, 0, 1, 1], [0, 0]], 0.18516401995451032),
        ([[0.25, 0.5, 0.125], [0.75, 1.0]], 0.08333333333333334),
    ],
)
def test_pooled_error_equals_lm_eval(parts: list[list[float]], pooled: float) -> None:
    """The error of a group comes from the spread within its parts."""
    assert pooled_stderr(parts) == pytest.approx(pooled, abs=1e-12)


def test_pooled_error_of_few_values() -> None:
    """One part is a plain mean; a part of one value has no spread to add."""
    assert pooled_stderr([[1, 0, 1]]) == mean_stderr([1, 0, 1])
    assert pooled_stderr([[1.0], [0.0]]) is None
    assert pooled_stderr([]) is None
    lone = pooled_stderr([[1, 0, 1], [1], []])
    assert lone == pytest.approx(math.sqrt((2 / 3) / 2 / 4))
