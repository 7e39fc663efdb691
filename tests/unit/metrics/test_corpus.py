"""Metrics of all samples together, and their standard errors by the bootstrap.

`corpus_of_lm_eval.json` was written by `tests/golden/compare_corpus.py --draws 2000
--write`: made-up samples, and what lm-eval 0.4.13's aggregation and `stderr_for_metric`
make of them.
"""

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    ContinuationLogprob,
    Sample,
    SampleResult,
    Score,
    Share,
    TaskPlan,
)
from llmlab_pytest.metrics import build_row, compute, default_metrics, interval_at
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.stats import CORPUS_STATISTICS, bootstrap_stderr

KEPT = json.loads(Path(__file__).with_name("corpus_of_lm_eval.json").read_text("utf-8"))
REFERENCE: dict[str, tuple[float, float]] = KEPT["lm_eval"]


def choice_sample(target: object, *lls: float) -> tuple[Sample, Completion]:
    """Return a sample with a choice per likelihood, and what a model says to it."""
    parts = tuple(ContinuationLogprob(ll, is_greedy=False, tokens=1) for ll in lls)
    choices = tuple("abcd"[: len(lls)])
    sample = Sample(id="s", input="", target=target, choices=choices)  # type: ignore[arg-type]
    return sample, Completion(text="", model="m", continuations=parts)


def asked_of(name: str, item: Any) -> tuple[Sample, Completion]:
    """Return the sample and completion that give lm-eval this item."""
    if name == "perplexity":
        return choice_sample(0, item)
    if name in ("f1", "mcc"):
        target, picked = item
        return choice_sample(target, *(0.0 if n == picked else -1.0 for n in (0, 1)))
    reference, text = item
    sample = Sample(id="s", input="", target=reference)
    return sample, Completion(text=text, model="m")


def scored(name: str, sample: Sample, completion: Completion) -> Score:
    _, scorer = make_scorer(name, scorer_registry(), where="here")
    return apply_scorer(name, scorer, completion=completion, sample=sample)


def results_of(name: str, *, times: int = 1) -> list[SampleResult]:
    """Return the results of the kept samples, some times over."""
    items = KEPT["items"][name] * times
    return [
        SampleResult(
            task="t",
            model="m",
            sample_id=str(n),
            scores=(scored(name, *asked_of(name, item)),),
        )
        for n, item in enumerate(items)
    ]


@pytest.mark.parametrize("name", REFERENCE)
def test_metric_of_all_samples_is_lm_evals(name: str) -> None:
    """The value is that of scikit-learn or sacrebleu over the whole corpus."""
    metric = compute(name, results_of(name), default_metrics())
    assert metric.value == pytest.approx(REFERENCE[name][0], abs=1e-9)
    assert metric.n == len(KEPT["items"][name])


@pytest.mark.parametrize("name", REFERENCE)
def test_bootstrap_error_is_lm_evals(name: str) -> None:
    """The same draws in the same chunks: equal, not only within sampling error."""
    shares = [result.scores[0].share for result in results_of(name)]
    measure = CORPUS_STATISTICS[name]
    found = bootstrap_stderr(
        [share.addends for share in shares if share],
        measure.of_sums,
        draws=min(KEPT["draws"], measure.draws),
    )
    assert found == pytest.approx(REFERENCE[name][1], abs=1e-9)


def test_bootstrap_draws_as_python_does() -> None:
    """Numpy's generator gives the draws of `random.Random(chunk).choices`, in order."""
    values = [float(n * n) for n in range(7)]
    means = []
    for chunk in range(2):
        generator = random.Random(chunk)
        means += [sum(generator.choices(values, k=7)) / 7 for _ in range(1000)]
    centre = sum(means) / len(means)
    squares = sum((mean - centre) ** 2 for mean in means)
    found = bootstrap_stderr(
        [(value,) for value in values], lambda sums: sums[0] / 7, draws=2000
    )
    assert found == pytest.approx(math.sqrt(squares / 1999), rel=1e-12)


def test_blocks_of_memory_do_not_change_the_draws() -> None:
    """A corpus too large for one block is drawn as Python would."""
    n, generator = 400_000, random.Random(0)
    draws = [sum(generator.choices(range(n), k=n)) / n for _ in range(4)]
    centre = sum(draws) / 4
    wanted = math.sqrt(sum((draw - centre) ** 2 for draw in draws) / 3)
    found = bootstrap_stderr(
        [(float(k),) for k in range(n)], lambda sums: sums[0] / n, draws=4
    )
    assert found == pytest.approx(wanted, rel=1e-9)


def test_mean_by_bootstrap_agrees_with_the_closed_form() -> None:
    """Of a mean the bootstrap finds s/√n without Bessel's correction, within 2 %."""
    generator = random.Random(7)
    values = [generator.gauss(0, 1) for _ in range(40)]
    centre = sum(values) / 40
    wanted = math.sqrt(sum((value - centre) ** 2 for value in values)) / 40
    found = bootstrap_stderr(
        [(value,) for value in values], lambda sums: sums[0] / 40, draws=10_000
    )
    assert found == pytest.approx(wanted, rel=0.02)


def test_row_and_gate_have_the_interval_of_the_bootstrap() -> None:
    """95 % are 1.96 standard errors around the value; a gate may ask for 90 %."""
    results = results_of("corpus_bleu")
    plan = TaskPlan(task="t", model="m", planned=12, available=12)
    (metric,) = build_row(plan, results, default_metrics()).metrics
    assert metric.value is not None
    assert metric.stderr is not None
    assert metric.interval is not None
    assert metric.interval.method == "bootstrap"
    half = metric.interval.high - metric.value
    assert half == pytest.approx(1.959964 * metric.stderr, rel=1e-6)
    narrow = interval_at("corpus_bleu", results, confidence=0.9)
    assert narrow is not None
    assert narrow.high - metric.value == pytest.approx(1.644854 * metric.stderr)


def test_groups_keep_the_error_of_their_own_samples() -> None:
    """A corpus' measure is no mean: nothing is pooled over parts."""
    results = results_of("corpus_bleu")
    paths = {result.sample_id: (f"part {n % 2}",) for n, result in enumerate(results)}
    plan = TaskPlan(task="t", model="m", planned=12, available=12)
    row = build_row(plan, results, default_metrics(), groups=paths)
    part = compute("corpus_bleu", results[::2], default_metrics())
    assert row.groups[0].metrics == (part,)
    assert row.metrics == (compute("corpus_bleu", results, default_metrics()),)


def test_epochs_of_a_sample_add_their_mean() -> None:
    """Two answers to one sample, one of them right, are half a true positive."""
    cells = ((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))
    results = [
        SampleResult(
            task="t",
            model="m",
            sample_id="s",
            epoch=epoch,
            scores=(Score(scorer="f1", value=1.0, share=Share("f1", cell)),),
        )
        for epoch, cell in enumerate(cells, start=1)
    ]
    metric = compute("f1", results, default_metrics())
    assert metric.value == pytest.approx(2 * 0.5 / (2 * 0.5 + 0.5))
    assert (metric.n, metric.stderr, metric.interval) == (1, None, None)


def test_renamed_scorer_keeps_its_metric() -> None:
    """With `as`, the metric is still F1, and not the share of right answers."""
    name, scorer = make_scorer(
        {"name": "f1", "as": "yes"}, scorer_registry(), where="here"
    )
    results = []
    for n, (target, lls) in enumerate([(1, (0, -1)), (0, (0, -1)), (1, (-1, 0))]):
        sample, completion = choice_sample(target, *lls)
        score = apply_scorer(name, scorer, completion=completion, sample=sample)
        results.append(
            SampleResult(task="t", model="m", sample_id=str(n), scores=(score,))
        )
    assert compute("yes", results, default_metrics()).value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("name", "addends", "value"),
    [
        ("f1", (0, 0, 0, 5), 0.0),
        ("mcc", (3, 1, 0, 0), 0.0),
        ("mcc", (2, 0, 0, 2), 1.0),
        ("mcc", (0, 2, 2, 0), -1.0),
        ("corpus_bleu", (0, 5, 0, 0, 0, 0, 0, 0, 0, 0), 0.0),
        ("corpus_bleu", (2, 2, 2, 1, 0, 0, 2, 1, 0, 0), 0.0),
        ("ter", (2, 0), 100.0),
        ("ter", (0, 0), 0.0),
        ("chrf", (0, 0, 0) * 6, 0.0),
        ("perplexity", (-5000.0, 1.0), math.exp(700)),
    ],
)
def test_measure_at_its_edges(
    name: str, addends: tuple[float, ...], value: float
) -> None:
    """Empty texts, one class only and impossible targets have the value they should."""
    assert CORPUS_STATISTICS[name].of_sums(addends) == pytest.approx(value)


def test_best_reference_counts_for_chrf() -> None:
    """Of several references the one that is most like the text is compared."""
    sample = Sample(id="s", input="", target=("something else", "the cat"))
    score = scored("chrf", sample, Completion(text="the cat", model="m"))
    assert score.value == pytest.approx(100)


Asked = Callable[[], tuple[Sample, Completion]]


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("f1", lambda: choice_sample(0, -1.0, -2.0, -3.0), "compares two choices"),
        ("mcc", lambda: choice_sample(2, -1.0, -2.0), "compares two choices"),
        ("perplexity", lambda: choice_sample("b", -1.0), "position of one choice"),
        ("perplexity", lambda: choice_sample(1, -1.0), "position of one choice"),
    ],
    ids=["three choices", "no such class", "text as target", "no such choice"],
)
def test_sample_that_does_not_fit_is_an_error(
    name: str, asked: Asked, said: str
) -> None:
    """What a metric is not defined for is said, and never scored."""
    with pytest.raises(ConfigError, match=said):
        scored(name, *asked())
