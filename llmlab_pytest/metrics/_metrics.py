"""Metrics: from the results of one task and model to one number with its interval.

A sample that was repeated in several epochs counts once, with the mean of its epochs:
repeats of one sample are not independent samples. Unscored results are left out. A
score with a weight counts by it; as in lm-eval such a mean has no standard error.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

from llmlab_pytest.core import Interval, Metric, Registry, SampleResult, Score, Usage
from llmlab_pytest.metrics._corpus import corpus_interval, corpus_metric, shares_of
from llmlab_pytest.metrics._perplexity import SCALES, Scale
from llmlab_pytest.metrics._reducers import reducer_of
from llmlab_pytest.metrics._speed import SPEED
from llmlab_pytest.stats import (
    clopper_pearson,
    mean_stderr,
    ratio_interval,
    student_t,
    wilson,
)

MetricFunction = Callable[[Sequence[SampleResult]], Metric]
MetricRegistry = Registry[MetricFunction]

ACCURACY = "accuracy"
TAKEN = ("cost_usd", "input_tokens", "output_tokens", *SPEED)
"""Metrics of what answers took, whether right or wrong; each is one number."""
_CONFIDENCE = 0.95


class SampleValue(NamedTuple):
    """What one sample adds to a mean."""

    value: float
    weight: float = 1.0


def mean_of(name: str, samples: Sequence[SampleValue]) -> Metric:
    """Return the mean of samples, weighted where any has a weight other than 1."""
    if not samples:
        return Metric(name=name, value=None, n=0)
    values, weights = zip(*samples, strict=True)
    return Metric(
        name=name,
        value=fmean(values, weights),
        n=len(values),
        stderr=None if _is_weighted(samples) else mean_stderr(values),
        interval=interval_of(samples),
    )


def mean_of_values(name: str, values: Sequence[float]) -> Metric:
    """Return the plain mean of samples that have one value each."""
    return mean_of(name, [SampleValue(value) for value in values])


def interval_of(
    samples: Sequence[SampleValue], *, confidence: float = _CONFIDENCE
) -> Interval | None:
    """Return the confidence interval of the mean of samples.

    Wilson's if all values are 0 or 1, else Student's; with weights that of a ratio,
    but Wilson's over the samples where all are right or all wrong: without any
    variance a ratio would claim to be certain.
    """
    values = [sample.value for sample in samples]
    if _is_weighted(samples) and set(values) not in ({0.0}, {1.0}):
        weights = [sample.weight for sample in samples]
        return ratio_interval(values, weights, confidence=confidence)
    if all(value in (0.0, 1.0) for value in values):
        return wilson(round(sum(values)), len(values), confidence=confidence)
    return student_t(values, confidence=confidence)


def values_of(results: Sequence[SampleResult], scorer: str) -> list[SampleValue]:
    """Return one value per sample, as `sample_values`."""
    return list(sample_values(results, scorer).values())


def sample_values(
    results: Sequence[SampleResult], scorer: str
) -> dict[str, SampleValue]:
    """Return the value of each sample by its id: the mean of its epochs for one scorer.

    Args:
        results: of one task and model.
        scorer: a scorer's name, or `accuracy` for the primary scorer of each result;
            a reducer's name, as `pass@k`, gives that of its epochs, and leaves out
            samples with fewer than it takes.
    """
    reducer = reducer_of(scorer)
    epochs: dict[str, list[SampleValue]] = {}
    for result in results:
        score = _score(result, scorer)
        if score is not None and score.value is not None:
            sample = SampleValue(score.value, score.weight)
            epochs.setdefault(result.sample_id, []).append(sample)
    if reducer is None:
        return {name: _mean_epoch(samples) for name, samples in epochs.items()}
    reduced = {
        name: reducer([sample.value for sample in samples])
        for name, samples in epochs.items()
    }
    return {k: SampleValue(value) for k, value in reduced.items() if value is not None}


def _mean_epoch(epochs: Sequence[SampleValue]) -> SampleValue:
    values, weights = zip(*epochs, strict=True)
    return SampleValue(fmean(values, weights), fmean(weights))


def _is_weighted(samples: Sequence[SampleValue]) -> bool:
    return any(sample.weight != 1.0 for sample in samples)


def _score(result: SampleResult, scorer: str) -> Score | None:
    if scorer == ACCURACY or reducer_of(scorer):
        return result.scores[0] if result.scores else None
    return next((score for score in result.scores if score.scorer == scorer), None)


def exact_interval(
    name: str, results: Sequence[SampleResult], *, confidence: float
) -> Interval | None:
    """Return Clopper and Pearson's interval of a mean of right and wrong.

    `None` for any other metric: a total, or one with values between 0 and 1.

    Args:
        name: a scorer, a reducer, or `accuracy`.
        results: of one task and model.
        confidence: between 0 and 1.
    """
    samples = values_of(results, name)
    is_counted = all(s.value in (0.0, 1.0) and s.weight == 1.0 for s in samples)
    if not is_counted or shares_of(results, name):
        return None
    right = round(sum(sample.value for sample in samples))
    return clopper_pearson(right, len(samples), confidence=confidence)


def interval_at(
    name: str, results: Sequence[SampleResult], *, confidence: float
) -> Interval | None:
    """Return a metric's interval at another confidence; `None` if it has no samples.

    Args:
        name: a scorer, `accuracy` or a perplexity; no other metric is of samples.
        results: of one task and model.
        confidence: between 0 and 1.
    """
    if shares := shares_of(results, name):
        return corpus_interval(shares, confidence=confidence)
    scale = SCALES.get(name, Scale(name, lambda mean: mean))
    samples = values_of(results, scale.scorer)
    interval = interval_of(samples, confidence=confidence) if samples else None
    return None if interval is None else _scaled(interval, scale)


def _scaled(interval: Interval, scale: Scale) -> Interval:
    low, high = scale.of_mean(interval.low), scale.of_mean(interval.high)
    return replace(interval, low=low, high=high)


def _scaled_metric(name: str, scale: Scale) -> MetricFunction:
    def metric(results: Sequence[SampleResult]) -> Metric:
        mean = mean_of(name, values_of(results, scale.scorer))
        if mean.value is None:
            return mean
        return replace(
            mean,
            value=scale.of_mean(mean.value),
            stderr=None,
            interval=interval_at(name, results, confidence=_CONFIDENCE),
        )

    return metric


def scorers_of(results: Sequence[SampleResult]) -> list[str]:
    """Return the names of all scorers, primary first, in order of appearance."""
    return list(dict.fromkeys(s.scorer for result in results for s in result.scores))


def compute(
    name: str, results: Sequence[SampleResult], registry: MetricRegistry
) -> Metric:
    """Compute a metric: a registered one, a reducer's, else that of a scorer.

    A scorer's metric is the mean of its values, or what its shares add up to.

    Raises:
        ConfigError: neither a metric nor a scorer is called so.
    """
    if name in registry:
        return registry[name](results)
    if shares := shares_of(results, name):
        return corpus_metric(name, shares)
    if (
        reducer_of(name)
        or name in scorers_of(results)
        or not any(result.scores for result in results)
    ):
        return mean_of(name, values_of(results, name))
    return registry.get_or_raise(name, where="the task's metrics")(results)


def misses_of(results: Sequence[SampleResult]) -> int | None:
    """Count results whose primary score is a miss; `None` if scores are not 0 or 1."""
    values = [r.scores[0].value for r in results if r.scores]
    if any(value not in (0.0, 1.0, None) for value in values):
        return None
    return sum(result.is_miss for result in results)


def cost_of(results: Sequence[SampleResult]) -> float | None:
    """Add up costs; `None` as soon as the cost of one answered sample is unknown.

    A test that ended in an error may have paid for answers before.
    """
    if any(r.cost_usd is None and r.error is None for r in results):
        return None
    return sum(result.cost_usd or 0.0 for result in results)


def flaky_of(results: Sequence[SampleResult]) -> tuple[str, ...]:
    """Return the ids of samples whose epochs have different primary scores, sorted."""
    values: dict[str, set[float]] = {}
    for result in results:
        if result.scores and result.scores[0].value is not None:
            values.setdefault(result.sample_id, set()).add(result.scores[0].value)
    return tuple(sorted(name for name, seen in values.items() if len(seen) > 1))


def usage_of(results: Sequence[SampleResult]) -> Usage:
    """Add up token counts."""
    return sum((result.usage for result in results), Usage())


def default_metrics() -> MetricRegistry:
    """Return the metrics that every task has; plugins add to them.

    The mean of each scorer is a metric by the scorer's name and needs no entry here.
    """
    registry: MetricRegistry = Registry("metric")
    registry.register(ACCURACY, lambda rs: mean_of(ACCURACY, values_of(rs, ACCURACY)))
    registry.register("errors", _total("errors", _errors))
    registry.register("misses", _total("misses", misses_of))
    registry.register("cost_usd", _total("cost_usd", cost_of))
    registry.register("error_rate", _error_rate)
    for name, measure in SPEED.items():
        registry.register(name, _total(name, measure))
    for name, scale in SCALES.items():
        registry.register(name, _scaled_metric(name, scale))
    for name in ("input_tokens", "output_tokens"):
        registry.register(name, _total(name, _tokens(name)))
    return registry


def _total(
    name: str, function: Callable[[Sequence[SampleResult]], float | None]
) -> MetricFunction:
    def metric(results: Sequence[SampleResult]) -> Metric:
        return Metric(name=name, value=function(results), n=len(results))

    return metric


def _errors(results: Sequence[SampleResult]) -> int:
    return sum(result.error is not None for result in results)


def _error_rate(results: Sequence[SampleResult]) -> Metric:
    failed = [SampleValue(float(result.error is not None)) for result in results]
    return mean_of("error_rate", failed)


def _tokens(name: str) -> Callable[[Sequence[SampleResult]], float]:
    return lambda results: getattr(usage_of(results), name)
