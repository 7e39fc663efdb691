"""A better prompt is found where there is one, and none where there is none."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from llmlab_pytest.core import (
    BudgetExceeded,
    ContextOverflow,
    DataError,
    ProviderUnavailable,
    Sample,
)
from llmlab_pytest.metrics import default_metrics, difference
from llmlab_pytest.optimising import Candidate, Effort, split_samples
from llmlab_pytest.optimising._optimiser import LEVEL

BETTER = "<prompt>Think well. Say: {{ input }}</prompt>"
EQUAL = [f"<prompt>{number} Say: {{{{ input }}}}</prompt>" for number in range(6)]


def test_a_rewriting_that_helps_is_found(bench: Any) -> None:
    """By samples that nothing was chosen by, asked once for each of the two."""

    def answer(text: str) -> str:
        return "yes" if "Think well" in text or text.endswith("7") else "no"

    plan = bench.plan()
    found = bench.optimise(
        plan, answer, proposals=["<prompt>{{ input }}!</prompt>", BETTER]
    )
    assert found.is_better
    assert found.finalist.prompt == "Think well. Say: {{ input }}"
    assert (found.difference.first, found.difference.n) == (1.0, 24)
    assert found.difference.interval.low > 0
    held_out = [text for _, phase, text in bench.asked if phase == "held out"]
    assert len(held_out) == len(set(held_out)) == 48


def test_demonstrations_that_help_are_found(bench: Any) -> None:
    """A set has what the model got right, with its own answer, and what it missed."""

    def answer(text: str) -> str:
        return "yes" if text.count("\nyes\n") >= 2 or text.endswith("3") else "no"

    found = bench.optimise(bench.plan(), answer, effort=Effort(rewritings=0, shots=3))
    assert found.is_better
    assert found.finalist.prompt == "Say: {{ input }}"
    shown = found.finalist.shown
    assert 2 <= len(shown) <= 3
    assert {row["demonstration_answer"] for row in shown} == {"yes"}
    train = {sample.input for sample in bench.parts(bench.plan()).train}
    assert {row["input"] for row in shown} <= train


def test_the_best_of_both_are_joined(bench: Any) -> None:
    """Where only both together are right."""

    def answer(text: str) -> str:
        has_both = "Think well" in text and "\nyes\n" in text
        number = int(re.findall(r"\d+", text)[-1])
        helped = "Think well" in text or "\nyes\n" in text
        return "yes" if has_both or number % (3 if helped else 5) == 0 else "no"

    found = bench.optimise(bench.plan(100), answer, proposals=[BETTER])
    assert found.is_better
    assert found.finalist.name.startswith("rewriting 1 with demonstrations ")
    assert found.difference.first == 1.0


def test_what_is_held_out_reaches_no_prompt(bench: Any) -> None:
    """Neither as a demonstration nor for the writer; nor does the second part.

    In the search no held-out sample is asked at all.
    """
    plan = bench.plan()
    parts = bench.parts(plan)
    own = {sample.input for sample in parts.train}
    bench.optimise(
        plan, lambda text: "yes" if "1" in text else "no", proposals=[BETTER]
    )
    for model, phase, text in bench.asked:
        words = re.findall(r"word\d+", text)
        others = words if model == "w" else words[:-1]
        assert set(others) <= own
        if phase == "search" and model == "m":
            assert words[-1] not in {sample.input for sample in parts.held_out}


def test_prompts_that_do_not_differ_are_rarely_called_better(
    new_bench: Any, chance_answer: Callable[[int, float], Any]
) -> None:
    """In 100 searches among eleven equal candidates: not above the 2.5 % that is said.

    Eight of 100 or more have a chance of 0.4 % at 2.5 % (binomial). On the second part,
    where the finalist was chosen, the same test is wrong more often: it is the samples
    held out that keep the promise.
    """
    better = best_on_dev = 0
    for seed in range(100):
        bench, plan = new_bench(), new_bench().plan()
        answer = chance_answer(seed, (0.3, 0.5, 0.7)[seed % 3])
        found = bench.optimise(plan, answer, proposals=EQUAL)
        better += found.is_better
        best_on_dev += _is_better_on_dev(bench, plan, found)
    print(f"{better} of 100 held out, {best_on_dev} on the second part")
    assert better < 8
    assert best_on_dev > better


def _is_better_on_dev(bench: Any, plan: Any, found: Any) -> bool:
    """Judge a finalist where it was chosen, as one must not; nothing is asked anew."""
    asked = len(bench.asked)
    sides = [
        [each.result for each in bench.measure(candidate, bench.parts(plan).dev)]
        for candidate in (found.finalist, Candidate.of(plan.task))
    ]
    assert len(bench.asked) == asked
    apart = difference("exact", *sides, default_metrics())
    return apart.p <= LEVEL and apart.value > 0


def test_a_search_without_money_judges_what_it_has(bench: Any) -> None:
    """It ends with the best so far, and says so; the end has its own money."""
    calls = iter(range(10**6))

    def pay(_: str, phase: str) -> None:
        if phase == "search" and next(calls) > 70:
            raise BudgetExceeded("spent", fix="Pay more.")

    def answer(text: str) -> str:
        return "yes" if "Think well" in text else "no"

    found = bench.optimise(bench.plan(), answer, proposals=[BETTER], before=pay)
    assert found.notes == ("the money for the search was spent before its end",)
    assert found.is_better


def test_a_search_that_could_not_begin_finds_nothing(bench: Any) -> None:
    """And compares nothing."""

    def pay(*_: str) -> None:
        raise BudgetExceeded("spent", fix="Pay more.")

    found = bench.optimise(bench.plan(), str, proposals=[BETTER], before=pay)
    assert (found.finalist, found.difference, found.is_better) == (None, None, False)


def test_trouble_of_a_provider_is_no_score(bench: Any) -> None:
    """It ends the search with its error."""

    def fail(_: str, phase: str) -> None:
        if phase == "held out":
            raise ProviderUnavailable("down", fix="Wait.")

    with pytest.raises(ProviderUnavailable, match="down"):
        bench.optimise(bench.plan(), lambda _: "no", proposals=[BETTER], before=fail)


def test_a_candidate_that_is_too_long_is_left_out(bench: Any) -> None:
    """And that is said."""

    def answer(text: str) -> str:
        if "Think well" in text:
            raise ContextOverflow("too long", fix="Shorten it.")
        return "no"

    found = bench.optimise(bench.plan(), answer, proposals=[BETTER])
    assert "rewriting 1 is too long for the model" in found.notes
    assert not found.is_better


def test_less_may_be_better(bench: Any) -> None:
    """Then what falls is better, and what grows is not."""

    def answer(text: str) -> str:
        return "no" if "Think well" in text else "yes"

    effort = Effort(rewritings=1, demonstration_sets=0, is_lower_better=True)
    found = bench.optimise(bench.plan(), answer, proposals=[BETTER], effort=effort)
    assert found.is_better
    assert found.difference.value == -1.0


def test_parts_keep_clusters_together() -> None:
    """And hold each sample once, the same ones for the same seed."""
    samples = _bench_samples(60)
    clusters = {sample.id: f"c{n // 3}" for n, sample in enumerate(samples)}
    parts = split_samples(samples, clusters, held_out_ratio=0.5, seed=3)
    assert parts == split_samples(samples, clusters, held_out_ratio=0.5, seed=3)
    assert sorted(s.id for part in parts for s in part) == sorted(s.id for s in samples)
    of = [{clusters[sample.id] for sample in part} for part in parts]
    assert sum(map(len, of)) == len(set(clusters.values()))
    assert [len(part) for part in parts] == [15, 15, 30]


def test_too_few_samples_are_refused() -> None:
    """With the counts of the parts."""
    with pytest.raises(DataError, match=r"12 samples make parts of 4, 3, 5"):
        split_samples(_bench_samples(12), {}, held_out_ratio=0.4, seed=0)


def _bench_samples(count: int) -> list[Sample]:
    return [Sample(id=f"s{n}", input="x") for n in range(count)]
