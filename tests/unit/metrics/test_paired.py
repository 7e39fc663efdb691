"""Two sets of results on the same samples: intervals and p values of each kind."""

import math
import random
from collections.abc import Sequence
from statistics import fmean, stdev

import pytest

from llmlab_pytest.core import ConfigError, Metric, SampleResult, Score, Share
from llmlab_pytest.metrics import Difference, default_metrics, difference
from llmlab_pytest.stats import detectable_pairs, mcnemar, sign_flip, student_t, tango

pytest.importorskip("numpy", reason="measures of all samples need it")


def results_of(
    scores: Sequence[Score], *, task: str = "t", first: int = 0
) -> list[SampleResult]:
    return [
        SampleResult(task=task, model="m", sample_id=f"s{n}", scores=(score,))
        for n, score in enumerate(scores, start=first)
    ]


def plain(values: Sequence[float], first: int = 0) -> list[SampleResult]:
    return results_of([Score(scorer="a", value=v) for v in values], first=first)


def compared(name: str, *sides: list[SampleResult], **options: float) -> Difference:
    return difference(name, *sides, default_metrics(), **options)


@pytest.mark.parametrize("name", ["accuracy", "a"])
def test_right_and_wrong_are_wins_and_losses(name: str) -> None:
    """Tango's interval, McNemar's p, and which samples flipped; order is free."""
    first = plain([1.0] * 12 + [0.0] * 3 + [1.0] * 25)
    second = plain([0.0] * 12 + [1.0] * 3 + [1.0] * 25)[::-1]
    found = compared(name, first, second, confidence=0.9)
    assert (found.first, found.second) == (37 / 40, 28 / 40)
    assert found.value == pytest.approx(9 / 40)
    assert found.interval == tango(12, 3, 40, confidence=0.9)
    assert found.p == pytest.approx(mcnemar(12, 3))
    assert found.wins == tuple(f"s{n}" for n in range(12))
    assert found.losses == ("s12", "s13", "s14")
    assert found.ties == 25
    assert found.detectable is not None


def test_scores_between_are_compared_by_their_differences() -> None:
    """Student's interval of the differences, and the signs' test."""
    chance = random.Random(3)
    before = [chance.random() for _ in range(30)]
    now = [value + chance.gauss(0.1, 0.2) for value in before]
    found = compared("a", plain(now), plain(before))
    apart = [x - y for x, y in zip(now, before, strict=True)]
    assert found.interval == student_t(apart)
    assert found.p == sign_flip(apart).p
    wanted = (1.959964 + 0.841621) * stdev(apart) / math.sqrt(30)
    assert found.detectable == pytest.approx(wanted, rel=1e-6)


def test_differences_of_one_size_are_never_certain() -> None:
    """All five half a point better: as sure as five wins of five, on half the scale."""
    found = compared("a", plain([1.0] * 5), plain([0.5] * 5))
    five = tango(5, 0, 5)
    assert found.interval is not None
    assert five is not None
    assert (found.interval.low, found.interval.high) == (five.low / 2, five.high / 2)
    same = compared("a", plain([0.5] * 5), plain([0.5] * 5))
    assert same.interval == tango(0, 0, 5)
    assert same.p == 1.0
    assert same.detectable == detectable_pairs(0.0, 5)


def test_epochs_are_one_value_and_lone_samples_are_left_out() -> None:
    """Repeats of a sample are no samples; what only one side has is no pair."""
    first = [*plain([1.0, 0.0]), *plain([0.0, 0.0])]
    found = compared("accuracy", first, plain([0.0, 0.0, 1.0]))
    assert (found.n, found.value) == (2, 0.25)
    assert compared("accuracy", plain([1.0]), plain([1.0], first=5)).value is None


def weighed(nats: Sequence[float], words: Sequence[int]) -> list[SampleResult]:
    return results_of(
        [
            Score(scorer="nats_per_word", value=value, weight=float(count))
            for value, count in zip(nats, words, strict=True)
        ]
    )


def test_perplexities_are_compared_as_corpora() -> None:
    """A lower one is found; the interval is of exp of the weighted means."""
    chance = random.Random(4)
    words = [chance.randint(20, 90) for _ in range(60)]
    before = [chance.gauss(3, 0.5) for _ in range(60)]
    now = [value - chance.gauss(0.05, 0.02) for value in before]
    first, second = weighed(now, words), weighed(before, words)
    found = compared("word_perplexity", first, second)
    means = [fmean(values, words) for values in (now, before)]
    assert found.first == pytest.approx(math.exp(means[0]))
    assert found.value == pytest.approx(math.exp(means[0]) - math.exp(means[1]))
    assert found.interval is not None
    assert found.interval.low <= (found.value or 0) <= found.interval.high < 0
    assert found.p is not None
    assert found.p < 0.001
    assert len(found.losses) > 50


def test_measures_of_all_samples_are_drawn_together() -> None:
    """F1 of 150 samples, of which the second finds fewer; no difference, no find."""
    chance = random.Random(5)

    def side(hit: float) -> list[SampleResult]:
        scores = []
        for n in range(150):
            found = float(chance.random() < hit)
            share = (found, 0.0, 1 - found, 0.0) if n % 2 else (0.0, 0.0, 0.0, 1.0)
            value = found if n % 2 else 1.0
            scores.append(Score(scorer="f1", value=value, share=Share("f1", share)))
        return results_of(scores)

    better, worse = side(0.9), side(0.6)
    found = compared("f1", better, worse)
    assert found.interval is not None
    assert found.interval.low > 0
    assert found.p is not None
    assert 0.005 < found.p < 0.05
    assert found.interval.method == "bootstrap-bca"
    same = compared("f1", better, better)
    assert (same.value, same.p, same.interval) == (0.0, 1.0, None)


def test_totals_have_two_values_and_no_interval() -> None:
    """So have the metrics of plugins, of which nothing is known by sample."""
    registry = default_metrics()
    registry.register("own", lambda rs: Metric(name="own", value=len(rs) / 2, n=2))
    found = difference("own", plain([1.0] * 4), plain([1.0] * 2), registry)
    assert (found.first, found.second, found.value) == (2.0, 1.0, 1.0)
    assert (found.is_paired, found.interval, found.p) == (False, None, None)
    misses = compared("misses", plain([1.0, 0.0]), plain([0.0, 0.0]))
    assert (misses.value, misses.is_paired) == (-1.0, False)
    with pytest.raises(ConfigError, match="acuracy"):
        compared("acuracy", plain([1.0]), plain([1.0]))
