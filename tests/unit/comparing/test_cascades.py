"""Cascades from recorded answers: by hand, and that chosen thresholds are no luck."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

import pytest

from llmlab_pytest.comparing import Side
from llmlab_pytest.comparing._cascades import cascades_of
from llmlab_pytest.comparing._panel import Panel, panel_of
from llmlab_pytest.core import Score
from llmlab_pytest.metrics import difference_interval
from llmlab_pytest.reporting import Cascade
from llmlab_pytest.stats import wilson

MakeSide = Callable[..., Side]


def cascades(*sides: Side, signals: Sequence[str] = ()) -> list[Cascade]:
    panel = panel_of(sides)
    assert isinstance(panel, Panel)
    return list(cascades_of(panel, signals=signals, margin=0.02))


def with_signal(side: Side, values: Sequence[float]) -> Side:
    """Add a second score, which needs no target."""
    results = [
        replace(result, scores=(*result.scores, Score(scorer="sure", value=value)))
        for result, value in zip(side.results, values, strict=True)
    ]
    return replace(side, results=results)


def test_oracle_asks_the_second_exactly_where_it_is_better(
    make_side: MakeSide,
) -> None:
    """Its quality is that of either right; the first is always paid."""
    first = [1.0] * 6 + [0.0] * 4
    second = [0.0] + [1.0] * 8 + [0.0]
    (oracle,) = cascades(
        make_side("cheap", first, costs=0.001), make_side("dear", second, costs=0.01)
    )
    assert oracle.is_oracle
    assert (oracle.first, oracle.second) == ("cheap", "dear")
    assert oracle.asked_second == 0.3
    assert oracle.quality == 0.9
    assert oracle.quality_interval == wilson(9, 10)
    assert oracle.cost_usd == pytest.approx(0.001 + 0.3 * 0.01)
    assert oracle.difference == pytest.approx(0.1)
    names = [f"s{n}" for n in range(10)]
    apart = [max(a, b) - b for a, b in zip(first, second, strict=True)]
    assert oracle.difference_interval == difference_interval(apart, names)
    # A third of the way in money from 0.6 to 0.8.
    assert oracle.mixed_quality == pytest.approx(0.6 + 0.2 * 0.003 / 0.009)


def test_agreement_of_epochs_is_a_rule_that_pays_all_of_them(
    make_side: MakeSide,
) -> None:
    """Where three of three agree the answer is kept; it is right there."""
    sure, unsure = [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]
    cheap = make_side(
        "cheap",
        [sure, unsure] * 20,
        answers=[["a", "A ", "a"], ["b", "c", "d"]] * 20,
        costs=0.001,
    )
    dear = make_side("dear", [1.0] * 40, costs=0.1)
    rule = cascades(cheap, dear)[1]
    assert rule.rule == "epochs that agree below 1"
    assert not rule.is_oracle
    assert rule.quality == 1.0
    assert rule.n == 20
    assert rule.cost_usd == pytest.approx(0.003 + rule.asked_second * 0.1)
    assert 0.2 <= rule.asked_second <= 0.8
    assert rule.difference == 0.0


def test_scorer_without_target_is_a_rule_only_where_it_is_named(
    make_side: MakeSide,
) -> None:
    """It says where the cheap model is wrong: the threshold lies above that."""
    right = [1.0, 0.0] * 30
    cheap = with_signal(make_side("cheap", right), [0.9, 0.3] * 30)
    dear = make_side("dear", [1.0] * 60, costs=0.1)
    assert [own.is_oracle for own in cascades(cheap, dear)] == [True]
    rule = cascades(cheap, dear, signals=["sure"])[1]
    assert rule.rule == "sure below 0.9"
    assert rule.quality == 1.0
    assert rule.cost_usd == pytest.approx(0.001 + 0.1 * rule.asked_second)


def test_signal_that_is_always_the_same_is_no_rule(make_side: MakeSide) -> None:
    """It cannot tell where to ask the second."""
    cheap = with_signal(make_side("cheap", [1.0, 0.0] * 30), [0.5] * 60)
    dear = make_side("dear", [1.0] * 60, costs=0.1)
    assert len(cascades(cheap, dear, signals=["sure"])) == 1


def test_models_that_are_no_cheaper_or_unpriced_start_no_cascade(
    make_side: MakeSide,
) -> None:
    """The cheapest is the best here, and the third has no price."""
    found = cascades(
        make_side("best", [1.0] * 20, costs=0.001),
        make_side("dear", [0.0] * 20, costs=0.1),
        make_side("unpriced", [0.0] * 20, costs=None),
    )
    assert found == []


def test_clusters_are_not_parted_between_the_halves(make_side: MakeSide) -> None:
    """Wordings of one question would tell the second half what the first has seen."""
    clusters = {f"s{n:03d}": f"{n // 10}" for n in range(60)}
    cheap = with_signal(
        make_side("cheap", [1.0, 0.0] * 30, clusters=clusters), [0.9, 0.3] * 30
    )
    dear = make_side("dear", [1.0] * 60, costs=0.1, clusters=clusters)
    assert cascades(cheap, dear, signals=["sure"])[1].n % 10 == 0


def test_threshold_is_judged_without_luck(make_side: MakeSide) -> None:
    """A signal that is noise: over 300 runs the judged quality is that of its mix.

    The interval holds it as often as it says, though a threshold was chosen.
    """
    drawn = random.Random(5)
    runs, inside, apart = 300, 0, []
    for _ in range(runs):
        cheap = with_signal(
            make_side("cheap", [float(drawn.random() < 0.6) for _ in range(120)]),
            [round(drawn.random(), 1) for _ in range(120)],
        )
        dear = make_side(
            "dear",
            [1.0] + [float(drawn.random() < 0.75) for _ in range(119)],
            costs=0.1,
        )
        found = cascades(cheap, dear, signals=["sure"])
        if len(found) < 2:  # the cheap one was better by chance
            continue
        rule = found[1]
        truth = 0.6 + 0.15 * rule.asked_second
        apart.append(rule.quality - truth)
        ends = rule.quality_interval
        assert ends is not None
        inside += ends.low <= truth <= ends.high
    assert fmean(apart) == pytest.approx(0.0, abs=0.015)
    assert inside / len(apart) >= 0.93
