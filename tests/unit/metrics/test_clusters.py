"""Clusters of samples: errors, intervals and comparisons of whole clusters."""

import random
from statistics import fmean

import pytest

from llmlab_pytest.core import SampleResult, Score, Share, TaskPlan
from llmlab_pytest.metrics import (
    build_row,
    clustered,
    compute,
    default_metrics,
    difference,
)
from llmlab_pytest.stats import (
    clustered_interval,
    clustered_stderr,
    sign_flip,
    tango,
)

REGISTRY = default_metrics()


def results_of(values: list[float], weight: float = 1.0) -> list[SampleResult]:
    return [
        SampleResult(
            task="t",
            model="m",
            sample_id=f"s{n}",
            scores=(Score(scorer="a", value=value, weight=weight),),
        )
        for n, value in enumerate(values)
    ]


def clusters_of(names: str) -> dict[str, str]:
    return {f"s{n}": name for n, name in enumerate(names)}


def test_row_has_the_error_and_interval_of_clusters() -> None:
    """Also its parts, by the clusters that are in them."""
    values = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    clusters = clusters_of("aaabbbcd")
    plan = TaskPlan(task="t", model="m", planned=8, available=8, metrics=("accuracy",))
    row = build_row(
        plan,
        results_of(values),
        REGISTRY,
        groups={f"s{n}": (("one", "two")[n % 2],) for n in range(8)},
        clusters=clusters,
    )
    (metric,) = row.metrics
    wanted = clustered_stderr(values, list(clusters.values()))
    assert wanted is not None
    assert metric.stderr == pytest.approx(wanted.stderr)
    assert metric.interval == clustered_interval(values, list(clusters.values()))
    assert metric.interval is not None
    assert metric.interval.method == "cluster-t"
    part = row.groups[0].metrics[0]
    assert part.interval == clustered_interval(values[::2], list("aabc"))


def test_what_is_no_plain_mean_of_samples_stays() -> None:
    """Totals, weighted means, measures of all samples; and all without clusters."""
    clusters = clusters_of("aabb")
    plain = results_of([1.0, 0.0, 1.0, 1.0])
    for name, results, together in (
        ("misses", plain, clusters),
        ("accuracy", results_of([1.0, 0.0, 1.0, 1.0], weight=2.0), clusters),
        ("accuracy", plain, {}),
    ):
        metric = compute(name, results, REGISTRY)
        assert clustered(metric, results, together) is metric


def test_epochs_of_a_sample_are_one_member_of_its_cluster() -> None:
    """Twice the answers, the same interval."""
    results = results_of([1.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    clusters = clusters_of("aabbcc")
    once = clustered(compute("a", results, REGISTRY), results, clusters)
    twice = clustered(compute("a", results * 2, REGISTRY), results * 2, clusters)
    assert once == twice


def test_differences_are_those_of_clusters() -> None:
    """The interval is cluster-robust, and signs flip by cluster."""
    now = [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0]
    before = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    names = "aaabbbccd"
    found = difference(
        "a",
        results_of(now),
        results_of(before),
        REGISTRY,
        clusters=clusters_of(names),
    )
    apart = [x - y for x, y in zip(now, before, strict=True)]
    assert found.interval == clustered_interval(apart, names)
    assert found.p == sign_flip([2.0, 1.0, -1.0, 1.0]).p
    assert (len(found.wins), len(found.losses), found.n) == (4, 1, 9)
    same = difference(
        "a", results_of(now), results_of(now), REGISTRY, clusters=clusters_of(names)
    )
    assert same.interval == tango(0, 0, 4)
    alike = difference(
        "a",
        results_of([1.0] * 4),
        results_of([0.0] * 4),
        REGISTRY,
        clusters=clusters_of("aabb"),
    )
    assert (alike.interval, alike.p) == (None, 0.5)


def test_equal_models_seem_to_differ_as_rarely_as_said() -> None:
    """12 clusters of 10 samples that flip together: 5 % of 400 finds, not half."""
    chance = random.Random(11)
    plainly, by_cluster = [], []
    for _ in range(400):
        now, before = [], []
        for _ in range(12):
            lean = chance.choice([0.1, 0.9])
            now += [float(chance.random() < lean) for _ in range(10)]
            before += [float(chance.random() < 1 - lean) for _ in range(10)]
        names = {f"s{n}": str(n // 10) for n in range(120)}
        sides = results_of(now), results_of(before)
        plain = difference("a", *sides, REGISTRY).p
        clustered_p = difference("a", *sides, REGISTRY, clusters=names).p
        assert plain is not None
        assert clustered_p is not None
        plainly.append(plain <= 0.05)
        by_cluster.append(clustered_p <= 0.05)
    assert fmean(plainly) > 0.3
    assert 0.01 <= fmean(by_cluster) <= 0.08


def test_corpora_are_drawn_by_cluster() -> None:
    """Two clusters that are each one text ten times are two draws, not twenty."""
    pytest.importorskip("numpy", reason="draws need it")

    def side(right: list[float]) -> list[SampleResult]:
        scores = [
            Score(scorer="f1", value=r, share=Share("f1", (r, 0.0, 1 - r, 0.0)))
            for r in right
        ]
        return [
            SampleResult(task="t", model="m", sample_id=f"s{n}", scores=(score,))
            for n, score in enumerate(scores)
        ]

    now, before = side([1.0] * 20), side([1.0, 0.0] * 10)
    names = {f"s{n}": str(n // 10) for n in range(20)}
    alone = difference("f1", now, before, REGISTRY)
    together = difference("f1", now, before, REGISTRY, clusters=names)
    assert alone.p is not None
    assert together.p is not None
    assert alone.p < 0.01
    assert together.p == pytest.approx(0.5, abs=0.03)
