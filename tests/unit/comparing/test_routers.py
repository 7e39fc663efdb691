"""Routers from recorded answers: by hand, and that chosen groups are no luck."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

import pytest

from llmlab_pytest.comparing import Side
from llmlab_pytest.comparing._panel import Panel, panel_of
from llmlab_pytest.comparing._routers import routers_of
from llmlab_pytest.core import Usage
from llmlab_pytest.reporting import Cascade

MakeSide = Callable[..., Side]


def routers(*sides: Side) -> list[Cascade]:
    panel = panel_of(sides)
    assert isinstance(panel, Panel)
    return list(routers_of(panel, margin=0.02))


def grouped(side: Side, groups: Sequence[str]) -> Side:
    """Declare the group of each sample."""
    return replace(
        side, groups={f"s{number:03d}": name for number, name in enumerate(groups)}
    )


def long(side: Side, tokens: Sequence[int]) -> Side:
    """Let prompts have so many tokens."""
    results = [
        replace(result, usage=Usage(input_tokens=count, output_tokens=1))
        for result, count in zip(side.results, tokens, strict=True)
    ]
    return replace(side, results=results)


def test_groups_in_which_the_cheap_one_is_worse_go_to_the_best(
    make_side: MakeSide,
) -> None:
    """Each sample is paid once, by whoever is asked."""
    right, groups = [1.0, 0.0] * 30, ["easy", "hard"] * 30
    cheap = grouped(make_side("cheap", right, costs=0.001), groups)
    dear = grouped(make_side("dear", [1.0] * 60, costs=0.1), groups)
    oracle, router = routers(cheap, dear)
    assert oracle.is_oracle
    assert oracle.n == 60
    assert oracle.cost_usd == pytest.approx(0.5 * 0.001 + 0.5 * 0.1)
    assert router.rule == "group hard"
    assert router.n == 30
    assert router.quality == 1.0
    asked = router.asked_second
    assert router.cost_usd == pytest.approx((1 - asked) * 0.001 + asked * 0.1)


def test_a_group_that_nobody_has_seen_goes_to_the_best(make_side: MakeSide) -> None:
    """Of which there is nothing on the half that groups are chosen on."""
    clusters = {f"s{n:03d}": "last" if n >= 56 else f"{n}" for n in range(60)}
    groups = ["easy", "hard"] * 28 + ["new"] * 4
    right = [1.0, 0.0] * 30
    cheap = grouped(make_side("cheap", right, clusters=clusters), groups)
    dear = make_side("dear", [1.0] * 60, costs=0.1, clusters=clusters)
    (_, router) = routers(cheap, dear)
    assert router.rule in ("group hard, new", "group hard")
    assert router.quality >= 0.9


def test_long_prompts_go_to_the_best(make_side: MakeSide) -> None:
    """Where the cheap one fails on those above some length."""
    right, tokens = [1.0, 0.0] * 30, [10, 500] * 30
    cheap = long(make_side("cheap", right), tokens)
    dear = make_side("dear", [1.0] * 60, costs=0.1)
    _, router = routers(cheap, dear)
    assert router.rule == "input tokens above 10"
    assert router.quality == 1.0


def test_without_groups_and_lengths_there_is_no_router(make_side: MakeSide) -> None:
    """Nor with one group; an oracle alone would say nothing of what can be had."""
    cheap = grouped(make_side("cheap", [1.0, 0.0] * 30), ["all"] * 60)
    assert routers(cheap, make_side("dear", [1.0] * 60, costs=0.1)) == []


def test_groups_are_judged_without_luck(make_side: MakeSide) -> None:
    """Groups of noise: over 200 runs the judged quality is that of its mix."""
    drawn = random.Random(3)
    apart = []
    for _ in range(200):
        groups = [drawn.choice("abcdef") for _ in range(120)]
        cheap = make_side("cheap", [float(drawn.random() < 0.6) for _ in range(120)])
        dear = [1.0] + [float(drawn.random() < 0.75) for _ in range(119)]
        found = routers(grouped(cheap, groups), make_side("dear", dear, costs=0.1))
        if found:
            router = found[-1]
            apart.append(router.quality - (0.6 + 0.15 * router.asked_second))
    assert len(apart) > 100
    assert fmean(apart) == pytest.approx(0.0, abs=0.015)
