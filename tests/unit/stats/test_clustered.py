"""Cluster-robust errors, against the matrix formula and by simulated coverage."""

import random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab_pytest.stats import (
    clustered_interval,
    clustered_stderr,
    mean_stderr,
    student_t,
    wilson,
)

numpy = pytest.importorskip("numpy", reason="the reference comes with extra [local]")
linalg = pytest.importorskip("scipy.linalg", reason="comes with extra [local]")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4)), min_size=3, max_size=25))
def test_error_and_degrees_equal_the_matrix_formula(
    pairs: list[tuple[float, int]],
) -> None:
    """Bell and McCaffrey's: (I - H)^(-1/2) by cluster, and tr²/tr of squares."""
    values, clusters = (numpy.array(part) for part in zip(*pairs, strict=True))
    found = clustered_stderr(values.tolist(), clusters.tolist())
    names = sorted(set(clusters.tolist()))
    if len(names) < 2:
        assert found is None
        return
    n = len(values)
    residual_maker = numpy.eye(n) - 1 / n
    columns, meat = [], 0.0
    for name in names:
        inside = numpy.flatnonzero(clusters == name)
        own = numpy.eye(len(inside)) - 1 / n
        adjusted = linalg.inv(linalg.sqrtm(own)) @ (values - values.mean())[inside]
        meat += float(adjusted.sum() ** 2)
        weights = numpy.ones(len(inside)) @ linalg.inv(linalg.sqrtm(own)) / n
        columns.append(residual_maker[:, inside] @ weights)
    gram = numpy.array(columns) @ numpy.array(columns).T
    assert found is not None
    assert found.stderr == pytest.approx(numpy.sqrt(meat) / n, abs=1e-9)
    assert found.degrees == pytest.approx(
        numpy.trace(gram) ** 2 / numpy.trace(gram @ gram), rel=1e-7
    )
    assert found.clusters == len(names)


def test_clusters_of_one_sample_change_nothing() -> None:
    """Error and interval are the plain ones."""
    values = [0.0, 1.0, 1.0, 0.5, 0.25]
    found, plain = clustered_interval(values, "abcde"), student_t(values)
    error = clustered_stderr(values, "abcde")
    assert found is not None
    assert plain is not None
    assert error is not None
    assert error.stderr == pytest.approx(mean_stderr(values))
    assert error.degrees == pytest.approx(4)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


@pytest.mark.parametrize("count", [6, 20])
def test_interval_covers_where_the_plain_one_does_not(count: int) -> None:
    """Few clusters of 2 to 12 samples that share most of their luck; 1,500 draws."""
    chance = random.Random(23)
    held, plainly = [], []
    for _ in range(1500):
        values: list[float] = []
        clusters: list[int] = []
        for cluster in range(count):
            luck = chance.gauss(0, 1)
            size = chance.randint(2, 12)
            values += [luck + chance.gauss(0, 0.7) for _ in range(size)]
            clusters += [cluster] * size
        found, plain = clustered_interval(values, clusters), student_t(values)
        assert found is not None
        assert plain is not None
        held.append(found.low <= 0 <= found.high)
        plainly.append(plain.low <= 0 <= plain.high)
    assert 0.93 <= fmean(held) <= 0.985
    assert fmean(plainly) < 0.75


def test_all_right_is_as_many_observations_as_clusters() -> None:
    """Without a spread no error is known: each cluster counts once, by Wilson."""
    for found, plain in (
        (clustered_interval([1.0] * 40, [n // 10 for n in range(40)]), wilson(4, 4)),
        (clustered_interval([0.0, 0.0, 0.0], "aab"), wilson(0, 2)),
    ):
        assert found is not None
        assert plain is not None
        assert (found.low, found.high) == (plain.low, plain.high)
        assert found.method == "cluster-wilson"
    assert clustered_interval([1.0, 0.0], "aa") is None
