"""Gates that are looked at while samples come in, and stop a task once it is decided.

Samples come in an order that depends on nothing but their ids and a seed, and only the
beginning of that order counts of which all results are there: a sample that is slow, or
of another worker, must not decide by coming late. The interval holds at all times.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from llmlab_pytest.core import Metric, SampleResult, digest_of
from llmlab_pytest.gates._grammar import Gate
from llmlab_pytest.metrics import MetricRegistry, sample_values
from llmlab_pytest.stats import Decision, betting_interval, decide_side

_ACCURACY = "accuracy"
_UP = (">", ">=")


@dataclass(frozen=True, slots=True)
class Course:
    """How the samples of a task came in."""

    seed: str
    """Of their order."""
    stopped_after: int | None = None
    """After how many samples its gates were decided; `None`: all were asked."""


def in_order(sample_ids: Iterable[str], seed: str) -> list[str]:
    """Return each id once, in the order that the seed gives them."""
    return sorted(set(sample_ids), key=lambda name: digest_of([seed, name]))


def may_stop(gate: Gate) -> bool:
    """Whether a gate can be decided before all samples are there.

    It bounds the mean of all samples strictly within 0 and 1, with a confidence.
    """
    return (
        gate.part is None
        and not gate.is_relative
        and not gate.is_exact
        and gate.confidence is not None
        and gate.operator != "=="
        and 0 < gate.threshold < 1
    )


def decided_after(
    gates: Sequence[Gate],
    results: Sequence[SampleResult],
    registry: MetricRegistry,
    seed: str,
) -> int | None:
    """Return after how many samples all gates of a task are decided; `None`: not yet.

    Args:
        gates: of the task; one that cannot stop it keeps it going.
        results: of the beginning of its order, all epochs of each sample.
        registry: the known metrics.
        seed: of the order.
    """
    if not gates or any(result.error is not None for result in results):
        return None
    latest = 0
    for gate in gates:
        values = values_in_order(gate.metric, results, registry, seed)
        if values is None or not may_stop(gate):
            return None
        decision = decision_on(gate, values)
        if decision is None:
            return None
        latest = max(latest, decision.n)
    return latest


def decision_on(gate: Gate, values: Sequence[float]) -> Decision | None:
    """Return on which side of a gate's number the mean is, and since when."""
    return decide_side(values, gate.threshold, confidence=gate.confidence or 0.95)


def holds_on(gate: Gate, decision: Decision) -> bool:
    """Whether a gate holds for means on that side of its number."""
    return (decision.side == "above") == (gate.operator in _UP)


def values_in_order(
    name: str, results: Sequence[SampleResult], registry: MetricRegistry, seed: str
) -> list[float] | None:
    """Return the values of samples as they came in.

    `None` where the metric is no plain mean of values between 0 and 1.
    """
    if name in registry and name != _ACCURACY:
        return None
    if any(s.share for r in results for s in r.scores if s.scorer == name):
        return None
    values = sample_values(results, name)
    found = [values[sample_id] for sample_id in in_order(values, seed)]
    if any(not 0 <= one.value <= 1 or one.weight != 1 for one in found):
        return None
    return [one.value for one in found]


def first_samples(
    results: Sequence[SampleResult], course: Course
) -> list[SampleResult]:
    """Return the results of the samples that decided, without those asked ahead."""
    order = in_order((result.sample_id for result in results), course.seed)
    counted = set(order[: course.stopped_after])
    return [result for result in results if result.sample_id in counted]


def watched(
    metric: Metric,
    results: Sequence[SampleResult],
    registry: MetricRegistry,
    course: Course,
) -> Metric:
    """Return a mean of the samples that decided, with an interval of all times.

    What was asked ahead of the decision is not part of it. A standard error would be
    that of a number of samples which nobody had fixed, and is left out. Other metrics
    are returned as they are.
    """
    first = first_samples(results, course)
    values = values_in_order(metric.name, first, registry, course.seed)
    if not values or metric.interval is None:
        return metric
    return replace(
        metric,
        value=fmean(values),
        n=len(values),
        stderr=None,
        interval=betting_interval(values),
    )
