"""Quality against cost and latency: intervals, frontier, what is not known."""

import random
from collections.abc import Callable
from dataclasses import replace
from statistics import fmean

import pytest

from llmlab_pytest.comparing import Side, comparable, side_by_side
from llmlab_pytest.core import Original, SampleResult
from llmlab_pytest.reporting import SideBySide, Standing
from llmlab_pytest.stats import (
    clustered_interval,
    fieller,
    quantile_interval,
    student_t,
    wilson,
)

MakeSide = Callable[..., Side]
GOOD = [1.0] * 36 + [0.0] * 4
FAIR = [1.0] * 30 + [0.0] * 10


def shown(*sides: Side) -> SideBySide:
    found = side_by_side(sides, [])
    assert found is not None
    return found


def standings(*sides: Side) -> dict[str, Standing]:
    (task,) = shown(*sides).tasks
    return {standing.model: standing for standing in task.standings}


def test_standing_has_quality_and_what_it_takes_with_intervals(
    make_side: MakeSide,
) -> None:
    """Each interval is the one that statistics has for it."""
    drawn = random.Random(1)
    costs = [drawn.uniform(0.001, 0.003) for _ in GOOD]
    latencies = [drawn.lognormvariate(0, 1) for _ in GOOD]
    found = standings(
        make_side("dear", GOOD, costs=costs, latencies=latencies),
        make_side("cheap", FAIR),
    )
    dear = found["dear"]
    assert dear.quality == 0.9
    assert dear.quality_interval == wilson(36, 40)
    assert dear.cost_usd == pytest.approx(fmean(costs))
    assert dear.cost_interval == student_t(costs)
    assert dear.cost_per_correct_usd == pytest.approx(sum(costs) / 36)
    per_right, wanted = dear.cost_per_correct_interval, fieller(costs, GOOD)
    assert per_right is not None
    assert wanted is not None
    assert (per_right.low, per_right.high) == pytest.approx((wanted.low, wanted.high))
    assert dear.usd_per_1000_tokens == pytest.approx(fmean(costs) * 10)
    assert dear.latency_interval == student_t(latencies)
    assert dear.latency_p50_interval == quantile_interval(latencies, 0.5)
    assert dear.latency_p95_interval is None  # 40 values have no such upper end
    assert found["cheap"].cost_interval is not None
    assert found["cheap"].cost_interval.method == "constant"


def test_better_and_dearer_are_both_on_the_frontier(make_side: MakeSide) -> None:
    """A model that is worse and dearer is not; the cheapest always is."""
    found = standings(
        make_side("dear", GOOD, costs=0.003, latencies=0.2),
        make_side("cheap", FAIR, costs=0.001, latencies=0.4),
        make_side("beaten", [0.0] * 12 + FAIR[12:], costs=0.002, latencies=0.4),
    )
    assert [found[n].is_on_cost_frontier for n in ("dear", "cheap", "beaten")] == [
        *(True, True, False)
    ]
    assert found["cheap"].cost_frontier_chance == 1.0
    assert found["dear"].cost_frontier_chance == pytest.approx(0.99, abs=0.02)
    assert found["beaten"].cost_frontier_chance == 0.0
    assert [found[n].is_on_latency_frontier for n in ("dear", "cheap", "beaten")] == [
        *(True, False, False)
    ]


def test_unknown_cost_is_not_zero(make_side: MakeSide) -> None:
    """One sample without a price leaves the model out of the frontier of costs."""
    costs = [0.001] * 39 + [None]
    found = standings(
        make_side("unpriced", GOOD, costs=costs),
        make_side("a", FAIR),
        make_side("b", FAIR, costs=0.002),
    )
    unpriced = found["unpriced"]
    assert unpriced.cost_usd is unpriced.cost_per_correct_usd is None
    assert unpriced.usd_per_1000_tokens is unpriced.cost_interval is None
    assert unpriced.is_on_cost_frontier is unpriced.cost_frontier_chance is None
    assert unpriced.is_on_latency_frontier is True
    assert found["a"].is_on_cost_frontier is True
    assert found["b"].is_on_cost_frontier is False


def test_frontier_of_one_known_price_is_not_told(make_side: MakeSide) -> None:
    """Nobody is compared with it."""
    found = standings(make_side("a", GOOD), make_side("b", FAIR, costs=None))
    assert found["a"].is_on_cost_frontier is None


def test_local_model_costs_nothing_and_computes(make_side: MakeSide) -> None:
    """0 dollars are known, and the seconds of this machine stand beside."""
    found = standings(
        make_side("local", FAIR, costs=0.0, compute_s=1.5),
        make_side("remote", GOOD),
    )
    assert found["local"].cost_usd == 0.0
    assert found["local"].cost_per_correct_usd == 0.0
    assert found["local"].compute_s == 1.5
    assert found["remote"].compute_s is None
    assert found["local"].is_on_cost_frontier is True


def test_kept_answers_count_what_they_took_once(make_side: MakeSide) -> None:
    """A model whose answers the cache has is no free one; nor an unpriced one."""

    def kept(side: Side, cost_usd: float | None) -> Side:
        original = Original(source="cache", latency_s=2.0, cost_usd=cost_usd)
        return replace(
            side,
            results=[
                replace(result, cost_usd=0.0, latency_s=None, original=original)
                for result in side.results
            ],
        )

    found = standings(
        kept(make_side("cached", GOOD), 0.004),
        kept(make_side("unpriced", GOOD), None),
        make_side("asked", FAIR),
    )
    assert found["cached"].cost_usd == pytest.approx(0.004)
    assert found["cached"].latency_s == 2.0
    assert found["unpriced"].cost_usd is None


def test_nothing_right_has_no_cost_per_right_answer(make_side: MakeSide) -> None:
    """Few right answers have a cost, but no upper end of it; all right have one."""
    found = standings(
        make_side("none", [0.0] * 40),
        make_side("one", [1.0] + [0.0] * 39),
        make_side("all", [1.0] * 40),
    )
    assert found["none"].cost_per_correct_usd is None
    assert found["one"].cost_per_correct_usd == pytest.approx(0.04)
    assert found["one"].cost_per_correct_interval is None
    ends, rate = found["all"].cost_per_correct_interval, wilson(40, 40)
    assert ends is not None
    assert rate is not None
    assert (ends.low, ends.high) == pytest.approx((0.001, 0.001 / rate.low))


def test_samples_that_not_all_have_are_left_out(make_side: MakeSide) -> None:
    """A sample in error on one model, or from another row, counts for none."""
    good = make_side("good", GOOD)
    failed = SampleResult(task="quiz", model="good", sample_id="s000", error="Timeout")
    good = replace(
        good,
        results=[failed, *good.results[1:]],
        rows={"s001": {"q": "new"}, "s002": {"q": "same"}},
    )
    fair = replace(
        make_side("fair", FAIR), rows={"s001": {"q": "old"}, "s002": {"q": "same"}}
    )
    (task,) = shown(good, fair).tasks
    assert (task.n, task.left_out) == (38, 2)


def test_epochs_of_a_sample_count_once_and_all_of_them_for_a_metric_of_epochs(
    make_side: MakeSide,
) -> None:
    """Mean dollars of an answer; for pass@2 those of both answers that it takes."""
    values = [[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    sides = [make_side(name, values) for name in "ab"]
    found = standings(*sides)
    assert found["a"].quality == 0.5
    assert found["a"].cost_usd == pytest.approx(0.001)
    found = standings(*(replace(side, metric="pass@2") for side in sides))
    assert found["a"].quality == pytest.approx(2 / 3)
    assert found["a"].cost_usd == pytest.approx(0.002)


def test_clusters_widen_the_intervals(make_side: MakeSide) -> None:
    """Ten wordings of four questions are four observations."""
    clusters = {f"s{number:03d}": f"{number // 10}" for number in range(40)}
    names = [clusters[f"s{number:03d}"] for number in range(40)]
    found = standings(
        make_side("a", FAIR, clusters=clusters), make_side("b", GOOD, clusters=clusters)
    )
    assert found["a"].quality_interval == clustered_interval(FAIR, names)
    # Of four clusters with 10, 10, 10 and 0 right the divisor is not told from 0.
    assert fieller([0.01] * 4, [10.0, 10.0, 10.0, 0.0]) is None
    assert found["a"].cost_per_correct_interval is None
    ends = found["b"].cost_per_correct_interval
    assert ends is not None
    sums = fieller([0.01] * 4, [10.0, 10.0, 10.0, 6.0])
    assert sums is not None
    assert (ends.low, ends.high) == pytest.approx((sums.low, sums.high))


def test_tasks_count_the_same_whatever_their_samples(make_side: MakeSide) -> None:
    """The mean of two tasks, with an interval as wide as independent ones give."""
    found = shown(
        make_side("a", GOOD, task="large"),
        make_side("b", FAIR, task="large"),
        make_side("a", [1.0, 0.0, 1.0, 0.0], task="small", costs=0.003),
        make_side("b", [1.0, 0.0, 0.0, 0.0], task="small", costs=0.003),
    )
    overall = found.overall
    assert overall is not None
    best = overall.standings[0]
    assert (best.model, best.quality, best.cost_usd) == ("a", 0.7, 0.002)
    large, small = wilson(36, 40), wilson(2, 4)
    ends = best.quality_interval
    assert large is not None
    assert small is not None
    assert ends is not None
    reach = ((large.high - 0.9) ** 2 + (small.high - 0.5) ** 2) ** 0.5 / 2
    assert ends.high == pytest.approx(0.7 + reach)
    assert overall.n == 44


def test_interval_over_tasks_covers_as_often_as_it_says(make_side: MakeSide) -> None:
    """800 times three tasks of 15 to 40 samples."""
    drawn = random.Random(6)
    rates, counts = (0.9, 0.6, 0.3), (15, 40, 25)
    inside = 0
    for _ in range(400):
        sides = [
            make_side(
                model,
                [float(drawn.random() < rate) for _ in range(count)],
                task=f"t{count}",
                costs=None,
                latencies=None,
            )
            for model in ("a", "b")
            for rate, count in zip(rates, counts, strict=True)
        ]
        overall = shown(*sides).overall
        assert overall is not None
        for standing in overall.standings:
            ends = standing.quality_interval
            assert ends is not None
            inside += ends.low <= fmean(rates) <= ends.high
    assert 0.935 <= inside / 800 <= 0.975


def test_metrics_of_which_more_may_be_worse_are_left_out(make_side: MakeSide) -> None:
    """What is no mean between 0 and 1 is told, not ranked."""
    found = shown(
        make_side("a", [3.0, 5.0], task="distance"),
        make_side("b", [2.0, 1.0], task="distance"),
        make_side("a", GOOD),
        make_side("b", GOOD),
    )
    assert [task.task for task in found.tasks] == ["quiz"]
    assert found.overall is None
    assert found.notes == ("distance: exact is no mean of samples between 0 and 1",)


def test_one_model_has_nothing_beside_it(make_side: MakeSide) -> None:
    """Neither alone, nor with another task on another model."""
    assert side_by_side([make_side("a", GOOD)], []) is None
    assert (
        side_by_side([make_side("a", GOOD), make_side("b", GOOD, task="t")], []) is None
    )


def test_model_without_any_score_leaves_nothing_to_compare(
    make_side: MakeSide,
) -> None:
    """All of its calls ended in errors: that is said, and is no quality of 0."""
    failed = make_side("failed", [0.0, 0.0])
    failed = replace(
        failed,
        results=[replace(r, scores=(), error="Timeout") for r in failed.results],
    )
    found = shown(make_side("a", [1.0, 0.0]), failed)
    assert found.tasks == ()
    assert found.notes == ("quiz: no sample has a score on all models",)


def test_results_without_scores_are_not_comparable(make_side: MakeSide) -> None:
    """Behaviour tests pass or fail; they have no quality to set side by side."""
    sides = [
        replace(side, results=[replace(r, scores=()) for r in side.results])
        for side in (make_side("a", [1.0]), make_side("b", [1.0]))
    ]
    assert comparable(sides) == []
    scored = [make_side("a", [1.0]), make_side("b", [1.0])]
    assert comparable([*scored, make_side("a", [1.0], task="alone")]) == scored


def test_one_sample_has_no_interval_of_its_cost(make_side: MakeSide) -> None:
    """It costs what it costs; what the next one costs is not known."""
    found = standings(make_side("a", [1.0]), make_side("b", [1.0]))
    assert found["a"].cost_usd == 0.001
    assert found["a"].cost_interval is found["a"].cost_per_correct_interval is None
