"""Which model is advised: what it takes, and how often it is the wrong one."""

import random
from collections.abc import Callable, Sequence

import pytest

from llmlab_pytest.comparing import Bar, Side, side_by_side
from llmlab_pytest.comparing._advice import advise
from llmlab_pytest.comparing._panel import Panel, Seat, Taken
from llmlab_pytest.metrics import difference_interval
from llmlab_pytest.reporting import Advice
from llmlab_pytest.stats import tango

MakeSide = Callable[..., Side]


def advice_of(*sides: Side, bar: Bar | None = None) -> Advice:
    found = side_by_side(sides, [], bar or Bar())
    assert found is not None
    given = found.tasks[0].advice if found.overall is None else found.overall.advice
    assert given is not None
    return given


def drawn_panel(values: Sequence[Sequence[float]]) -> Panel:
    """Models of which the first is the cheapest."""
    names = tuple(map(str, range(len(values[0]))))
    seats = []
    for place, own in enumerate(values):
        cost_usd = 0.001 * (place + 1)
        taken = Taken(
            cost_usd=cost_usd,
            asked_usd=cost_usd,
            latency_s=None,
            compute_s=None,
            tokens=10,
        )
        seats.append(
            Seat(
                name=f"m{place}",
                quality=tuple(own),
                taken=(taken,) * len(names),
                epochs=(),
            )
        )
    return Panel(
        task="quiz",
        metric="exact",
        sample_ids=names,
        clusters=names,
        seats=tuple(seats),
        left_out=0,
    )


def test_cheapest_of_equal_models_is_advised_once_that_is_shown(
    make_side: MakeSide,
) -> None:
    """At 2,000 samples of which 20 differ, the worst is below a margin of 0.02."""
    same = [1.0] * 1500 + [0.0] * 480
    cheap, dear = [*same, *[1.0, 0.0] * 10], [*same, *[0.0, 1.0] * 10]
    found = advice_of(
        make_side("dear", dear, costs=0.02), make_side("cheap", cheap, costs=0.001)
    )
    assert found.model == "cheap"
    assert found.candidate is found.more_samples is None
    ends = tango(10, 10, 2000, confidence=0.9)
    assert ends is not None
    assert found.reason == (
        "cheap, $0.00100 a sample, is the cheapest shown to be less than 0.02 below "
        f"the best, at 95% confidence: +0.000 against dear, at worst {-ends.high:+.3f}"
    )


def test_few_samples_say_how_many_more_and_what_they_cost(make_side: MakeSide) -> None:
    """The difference of the same spread is shown four times in five by that many."""
    cheap = [1.0, 0.0] * 40 + [0.0, 1.0] * 10
    dear = [1.0, 0.0] * 40 + [1.0, 0.0] * 10
    found = advice_of(
        make_side("dear", dear, costs=0.02),
        make_side("cheap", cheap, costs=0.001),
        bar=Bar(margin=0.07),
    )
    assert found.model is None
    assert found.candidate == "cheap"
    assert found.more_samples is not None
    # 20 of 100 differ, to neither side: (1.645 + 0.842)² (20 / 99) / 0.07² = 254.9.
    assert found.more_samples == 155
    assert found.more_cost_usd == pytest.approx(found.more_samples * 0.021)
    assert found.reason.startswith("not enough evidence at 95% confidence; cheap")
    assert found.reason.endswith("more samples of cheap, dear, for about $3.26")


def test_number_of_samples_is_enough_four_times_in_five() -> None:
    """Of 300 runs with as many samples as planned about 80 % advise the cheap model."""
    drawn = random.Random(12)

    def pair(n: int) -> Panel:
        values = []
        for _ in range(n):
            right = float(drawn.random() < 0.7)
            values.append((right, right if drawn.random() < 0.8 else 1 - right))
        # Differing samples lean to neither side: both flip the same coin.
        flipped = [own if drawn.random() < 0.5 else own[::-1] for own in values]
        return drawn_panel(list(zip(*flipped, strict=True)))

    bar = Bar(margin=0.1)
    # (z_0.95 + z_0.8)² ψ / δ², of which the plan knows ψ only from its samples.
    found = [advise([pair(124)], bar).model == "m0" for _ in range(300)]
    assert sum(found) / 300 == pytest.approx(0.8, abs=0.08)


def test_worse_cheap_model_is_no_candidate(make_side: MakeSide) -> None:
    """It is below the margin as far as one sees: the best is advised."""
    values = [1.0] * 900 + [0.0] * 100
    found = advice_of(
        make_side("dear", values, costs=0.02),
        make_side("cheap", [0.0] * 300 + values[300:], costs=0.001),
    )
    assert (found.model, found.candidate) == ("dear", None)


def test_cheaper_candidate_is_told_beside_the_model_that_is_shown(
    make_side: MakeSide,
) -> None:
    """One is good enough for certain, a cheaper one perhaps."""
    dear = [1.0] * 500 + [0.0] * 100
    perhaps = [0.0] * 20 + [1.0] * 497 + [0.0] * 83
    found = advice_of(
        make_side("dear", dear, costs=0.02),
        make_side("same", dear, costs=0.01),
        make_side("perhaps", perhaps, costs=0.001),
    )
    assert (found.model, found.candidate) == ("same", "perhaps")
    assert found.more_samples
    assert found.more_cost_usd == pytest.approx(found.more_samples * 0.031)


def test_unknown_price_is_never_the_cheapest_but_may_be_the_best(
    make_side: MakeSide,
) -> None:
    """The others are held against it; what more samples cost is unknown then."""
    best = [1.0] * 100
    found = advice_of(
        make_side("unpriced", best, costs=None),
        make_side("cheap", [0.0] + [1.0] * 99, costs=0.001),
    )
    assert found.model is None
    assert found.candidate == "cheap"
    assert found.more_cost_usd is None
    assert found.reason.endswith("at an unknown cost")
    nobody = advice_of(
        make_side("a", best, costs=None), make_side("b", best, costs=None)
    )
    assert nobody.model is None
    assert nobody.reason == "what a sample costs is known of no model"


def test_local_models_are_ordered_by_what_they_compute(make_side: MakeSide) -> None:
    """Both cost 0 dollars."""
    values = [1.0] * 1000
    found = advice_of(
        make_side("slow", values, costs=0.0, compute_s=2.0),
        make_side("fast", values, costs=0.0, compute_s=0.5),
    )
    assert found.model == "fast"


def test_more_samples_are_paid_with_all_of_their_epochs(make_side: MakeSide) -> None:
    """Three answers to a sample cost three times as much."""
    values = [[1.0] * 3] * 20
    sides = [make_side(name, values, costs=0.01) for name in "ab"]
    found = advice_of(*sides)
    assert found.more_samples
    assert found.more_cost_usd == pytest.approx(found.more_samples * 0.06)


@pytest.mark.parametrize(
    "deficits", [(0.1, 0.0), (0.1, 0.1, 0.1, 0.0), (0.12, 0.1, 0.0)]
)
def test_model_worse_by_the_margin_is_advised_at_most_as_often_as_declared(
    deficits: Sequence[float],
) -> None:
    """400 runs at the margin itself, where the error is largest: at most 5 %."""
    drawn = random.Random(len(deficits))
    runs, wrong, bar = 400, 0, Bar(margin=0.1)
    worse = {f"m{n}" for n, deficit in enumerate(deficits) if deficit >= 0.1}
    for _ in range(runs):
        hard = [drawn.random() for _ in range(150)]
        values = [
            [
                float(0.5 * own + 0.5 * drawn.random() < 0.6 - deficit * 0.83)
                for own in hard
            ]
            for deficit in deficits
        ]
        wrong += advise([drawn_panel(values)], bar).model in worse
    assert wrong / runs <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5


def test_tasks_are_judged_together(make_side: MakeSide) -> None:
    """What is not shown by any of four tasks is by all: the bound is that of a mean."""
    drawn = random.Random(3)
    sides = []
    for task in "abcd":
        right = [float(drawn.random() < 0.8) for _ in range(200)]
        flips = drawn.sample([n for n in range(200) if right[n]], 8)
        flips += drawn.sample([n for n in range(200) if not right[n]], 8)
        other = [1 - v if n in flips else v for n, v in enumerate(right)]
        sides += [
            make_side("dear", right, task=task, costs=0.02),
            make_side("cheap", other, task=task, costs=0.001),
        ]
    bar = Bar(margin=0.03)
    found = side_by_side(sides, [], bar)
    assert found is not None
    assert [task.advice and task.advice.model for task in found.tasks] == [None] * 4
    assert found.overall is not None
    assert found.overall.advice is not None
    assert found.overall.advice.model == "cheap"


def test_bound_over_tasks_covers_as_often_as_it_says() -> None:
    """The one-sided test of a mean over three tasks, at the margin: at most 5 %."""
    drawn = random.Random(21)
    wrong, runs, bar = 0, 500, Bar(margin=0.08)
    for _ in range(runs):
        panels = []
        for n in (40, 80, 60):
            best = [float(drawn.random() < 0.8) for _ in range(n)]
            cheap = [own if drawn.random() < 0.9 else 0.0 for own in best]
            panels.append(drawn_panel([cheap, best]))
        wrong += advise(panels, bar).model == "m0"
    assert wrong / runs <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5


def test_difference_interval_is_that_of_a_comparison() -> None:
    """One size: Tango's; clusters that do not differ have none."""
    apart = [1.0] * 3 + [-1.0] + [0.0] * 36
    names = [f"{n}" for n in range(40)]
    assert difference_interval(apart, names, confidence=0.9) == tango(
        3, 1, 40, confidence=0.9
    )
    assert difference_interval([1.0] * 4, ["a", "a", "b", "b"]) is None


def test_clusters_that_do_not_differ_tell_no_number_of_samples(
    make_side: MakeSide,
) -> None:
    """One text with ten questions is one observation."""
    clusters = {f"s{n:03d}": "one text" for n in range(10)}
    found = advice_of(
        make_side("a", [1.0] * 9 + [0.0], clusters=clusters, costs=0.001),
        make_side("b", [1.0] * 10, clusters=clusters, costs=0.01),
        bar=Bar(margin=0.2),
    )
    assert (found.model, found.candidate, found.more_samples) == (None, "a", None)
    assert found.reason.endswith("too few clusters differ to say more")
