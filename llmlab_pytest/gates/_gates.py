"""Gates: a condition on a metric, decided by the metric's whole interval.

A gate passes when every value of the confidence interval satisfies it and fails when
none does; otherwise the samples cannot tell, and it is inconclusive. A metric without
an interval (a total, a quantile), or `point`, is decided by its value.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from llmlab_pytest.core import (
    ConfigError,
    Metric,
    SampleResult,
    TaskPlan,
    Verdict,
    VerdictState,
)
from llmlab_pytest.metrics import MetricRegistry, compute, interval_at

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}
_GRAMMAR = re.compile(
    r"\s*(?P<metric>[\w.@^-]+)\s*(?P<operator>>=|<=|==|>|<)\s*"
    r"(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<percent>%?)"
    r"(?:\s+at\s+(?P<confidence>\d+(?:\.\d+)?)\s*%|\s+(?P<point>point))?\s*"
)
_DEFAULT_CONFIDENCE = 0.95
_TROUBLE_METRICS = ("errors", "error_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A parsed gate."""

    text: str
    metric: str
    operator: str
    threshold: float
    confidence: float | None
    """`None`: the point estimate decides."""

    def holds(self, value: float) -> bool:
        """Whether a single value satisfies the gate."""
        return _OPERATORS[self.operator](value, self.threshold)


def parse_gate(text: str, *, where: str) -> Gate:
    """Parse `METRIC OP NUMBER [at CONFIDENCE% | point]`.

    Args:
        text: e.g. `accuracy >= 0.8`, `accuracy >= 80% at 90%`, `cost_usd <= 0.5`.
        where: file and line, or mark, for messages.

    Raises:
        ConfigError: the text does not follow the grammar.
    """
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"The gate {text!r} in {where} cannot be read.",
            allowed="A gate is METRIC OP NUMBER, with OP one of >= > <= < ==, "
            "and may end in 'at 90%' or 'point'.",
            fix="For example: accuracy >= 0.8",
        )
    number = float(match["number"]) / (100 if match["percent"] else 1)
    confidence = float(match["confidence"]) / 100 if match["confidence"] else None
    if confidence is not None and not 0 < confidence < 1:
        raise ConfigError(
            f"The gate {text!r} in {where} asks for {match['confidence']}% confidence.",
            allowed="Confidence lies between 0% and 100%, both excluded.",
        )
    if confidence is None and not match["point"]:
        confidence = _DEFAULT_CONFIDENCE
    return Gate(
        text=" ".join(text.split()),
        metric=match["metric"],
        operator=match["operator"],
        threshold=number,
        confidence=confidence,
    )


def decide(
    gate: Gate,
    plan: TaskPlan,
    results: Sequence[SampleResult],
    registry: MetricRegistry,
) -> Verdict:
    """Judge the results of one task on one model.

    Args:
        gate: the condition.
        plan: what was planned; with fewer results nothing is decided.
        results: of all workers.
        registry: the known metrics.
    """
    metric = compute(gate.metric, results, registry)
    errors = [result for result in results if result.error is not None]
    if errors and gate.metric not in _TROUBLE_METRICS:
        reason = (
            f"{len(errors)} of {plan.planned} samples ended in an error, "
            f"first {errors[0].sample_id}: {errors[0].error}"
        )
        return _verdict(gate, plan, "error", reason, metric)
    if not plan.planned:
        reason = "no sample was selected with it: run the task without -k or --lf"
        return _verdict(gate, plan, "inconclusive", reason, metric)
    if len(results) < plan.planned:
        reason = f"{len(results)} of {plan.planned} planned samples have a result"
        return _verdict(gate, plan, "inconclusive", reason, metric)
    if metric.value is None:
        reason = f"{gate.metric} has no value for {len(results)} samples"
        return _verdict(gate, plan, "inconclusive", reason, metric)
    judged = _at_confidence(gate, metric, results)
    if judged is None:
        reason = f"{gate.metric} has no interval at the confidence that is asked for"
        return _verdict(gate, plan, "inconclusive", reason, metric)
    return _verdict(gate, plan, _state(gate, judged), _reason(gate, judged), judged)


def _at_confidence(
    gate: Gate, metric: Metric, results: Sequence[SampleResult]
) -> Metric | None:
    """Give the metric the interval that the gate asks for.

    A plugin's metric has the interval that its author computed and no other.
    """
    if gate.confidence is None:
        return replace(metric, interval=None)
    if metric.interval is None or metric.interval.confidence == gate.confidence:
        return metric
    interval = interval_at(gate.metric, results, confidence=gate.confidence)
    return None if interval is None else replace(metric, interval=interval)


def _state(gate: Gate, metric: Metric) -> VerdictState:
    value, interval = metric.value, metric.interval
    if value is None:
        return "inconclusive"
    if interval is None:
        return "passed" if gate.holds(value) else "failed"
    ends = (gate.holds(interval.low), gate.holds(interval.high))
    if all(ends):
        return "passed"
    inside = interval.low <= gate.threshold <= interval.high
    if any(ends) or (gate.operator == "==" and inside):
        return "inconclusive"
    return "failed"


def _reason(gate: Gate, metric: Metric) -> str:
    value = f"{metric.name} is {metric.value:.4g} over {metric.n} samples"
    if metric.interval is None:
        return value
    interval = metric.interval
    percent = f"{interval.confidence * 100:g}%"
    span = f"{percent} interval [{interval.low:.4g}, {interval.high:.4g}]"
    if gate.holds(interval.low) == gate.holds(interval.high):
        return f"{value}, {span}"
    return f"{value}, but the {span} contains {gate.threshold:g}"


def _verdict(
    gate: Gate, plan: TaskPlan, state: VerdictState, reason: str, metric: Metric
) -> Verdict:
    return Verdict(
        gate=gate.text,
        task=plan.task,
        model=plan.model,
        state=state,
        reason=reason,
        metric=metric,
    )
