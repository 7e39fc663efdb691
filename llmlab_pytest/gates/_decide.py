"""Gates: a condition on a metric, decided by the metric's whole interval.

A gate passes when every value of the confidence interval satisfies it and fails when
none does; otherwise the samples cannot tell, and it is inconclusive. A metric without
an interval (a total, a quantile), or `point`, is decided by its value. A relative gate
is decided in the same way by the difference from the baseline, sample by sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from llmlab_pytest.core import (
    Metric,
    SampleResult,
    TaskPlan,
    Verdict,
    VerdictState,
)
from llmlab_pytest.gates._baseline import (
    Baseline,
    on_same_samples,
    why_not_comparable,
)
from llmlab_pytest.gates._grammar import Gate
from llmlab_pytest.gates._needed import Needed, Observed, needed, needed_text
from llmlab_pytest.gates._sequential import (
    Course,
    decision_on,
    first_samples,
    holds_on,
    may_stop,
    values_in_order,
)
from llmlab_pytest.gates._slice import Rows, part_of, why_empty
from llmlab_pytest.metrics import (
    Clusters,
    Difference,
    MetricRegistry,
    clustered,
    compute,
    difference,
    exact_interval,
    interval_at,
)
from llmlab_pytest.stats import betting_interval

_TROUBLE_METRICS = ("errors", "error_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known beside the results."""

    rows: Rows = field(default_factory=dict)
    """Needed by gates of a part, and by relative ones."""
    clusters: Clusters = field(default_factory=dict)
    """The cluster of each sample by its id, where the task declares any."""
    baseline: Baseline | None = None
    """What `--llmlab-baseline` has of the task."""
    course: Course | None = None
    """How samples came in, where gates were looked at all the time."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A verdict in the making."""

    state: VerdictState
    reason: str
    metric: Metric | None = None
    needed: Needed | None = None


_NOTHING_MORE = Evidence()


def decide(
    gate: Gate,
    plan: TaskPlan,
    results: Sequence[SampleResult],
    registry: MetricRegistry,
    evidence: Evidence = _NOTHING_MORE,
) -> Verdict:
    """Judge the results of one task on one model.

    Args:
        gate: the condition.
        plan: what was planned; with fewer results nothing is decided.
        results: of all workers.
        registry: the known metrics.
        evidence: the rows of the samples, and the baseline.
    """
    judged = _judged(gate, plan, results, registry, evidence)
    more = judged.needed
    return Verdict(
        gate=gate.text,
        task=plan.task,
        model=plan.model,
        state=judged.state,
        reason=judged.reason,
        metric=judged.metric,
        more_samples=more and more.samples,
        more_cost_usd=more and more.cost_usd,
    )


def _judged(
    gate: Gate,
    plan: TaskPlan,
    results: Sequence[SampleResult],
    registry: MetricRegistry,
    evidence: Evidence,
) -> _Judged:
    own = results
    if gate.part is not None:
        own = part_of(results, gate.part, evidence.rows)
    metric = clustered(compute(gate.metric, own, registry), own, evidence.clusters)
    errors = [result for result in own if result.error is not None]
    if errors and gate.metric not in _TROUBLE_METRICS:
        of = len(own) if gate.part else plan.planned
        reason = (
            f"{len(errors)} of {of} samples ended in an error, "
            f"first {errors[0].sample_id}: {errors[0].error}"
        )
        return _Judged("error", reason, metric)
    too_early = _why_too_early(gate, plan, results, own, evidence)
    if too_early is not None:
        return _Judged("inconclusive", too_early, metric)
    if evidence.course is not None and may_stop(gate):
        first = first_samples(own, evidence.course)
        values = values_in_order(gate.metric, first, registry, evidence.course.seed)
        if values:
            return _judged_in_order(gate, plan, first, values)
    if gate.is_relative:
        return _judged_relative(gate, plan, own, registry, evidence)
    return _judged_alone(gate, plan, own, metric, evidence.clusters)


def _why_too_early(
    gate: Gate,
    plan: TaskPlan,
    results: Sequence[SampleResult],
    own: Sequence[SampleResult],
    evidence: Evidence,
) -> str | None:
    """Return why nothing can be said yet; `None`: all is there."""
    if not plan.planned:
        return "no sample was selected with it: run the task without -k or --lf"
    is_stopped = evidence.course is not None and evidence.course.stopped_after
    if len(results) < plan.planned and not is_stopped:
        return f"{len(results)} of {plan.planned} planned samples have a result"
    if gate.part is not None and not own:
        return why_empty(gate.part, evidence.rows)
    if gate.is_relative and evidence.baseline is None:
        return "there is no baseline: name a run or file with --llmlab-baseline"
    return None


def _judged_alone(
    gate: Gate,
    plan: TaskPlan,
    own: Sequence[SampleResult],
    metric: Metric,
    clusters: Clusters,
) -> _Judged:
    if metric.value is None:
        reason = f"{gate.metric} has no value for {len(own)} samples"
        return _Judged("inconclusive", reason, metric)
    judged = _at_confidence(gate, metric, own, clusters)
    if judged is None:
        kind = "exact interval" if gate.is_exact else "interval at that confidence"
        reason = f"{gate.metric} has no {kind} here"
        return _Judged("inconclusive", reason, metric)
    what = f"{judged.name} is {judged.value:.4g} over {judged.n} samples"
    return _concluded(gate, plan, own, judged, what)


def _judged_in_order(
    gate: Gate,
    plan: TaskPlan,
    own: Sequence[SampleResult],
    values: Sequence[float],
) -> _Judged:
    """Judge a mean that was looked at after every sample, by when it was decided."""
    decision = decision_on(gate, values)
    seen = values[: decision.n] if decision else values
    interval = betting_interval(seen, confidence=gate.confidence or 0.95)
    metric = Metric(name=gate.metric, value=fmean(seen), n=len(seen), interval=interval)
    planned = -(-plan.planned // plan.epochs)
    what = f"{gate.metric} is {metric.value:.4g} over {len(seen)} of {planned} samples"
    if decision is None or interval is None:
        return _concluded(gate, plan, own, metric, what)
    span = f"{interval.confidence * 100:g}% interval at all times"
    reason = f"{what}, {span} [{interval.low:.4g}, {interval.high:.4g}]"
    return _Judged("passed" if holds_on(gate, decision) else "failed", reason, metric)


def _judged_relative(
    gate: Gate,
    plan: TaskPlan,
    own: Sequence[SampleResult],
    registry: MetricRegistry,
    evidence: Evidence,
) -> _Judged:
    """Judge the difference from the baseline on the same samples."""
    baseline = evidence.baseline
    if baseline is None:
        return _Judged("inconclusive", "there is no baseline")
    if reason := why_not_comparable(own, evidence.rows, baseline):
        return _Judged("error", reason)
    before = on_same_samples(own, baseline)
    found = difference(
        gate.metric,
        own,
        before,
        registry,
        confidence=gate.confidence or 0.95,
        clusters=evidence.clusters,
    )
    if not found.is_paired and len(before) != len(own):
        reason = (
            f"{gate.metric} is of {len(own)} answers, and of {len(before)} in the "
            f"baseline {baseline.name}"
        )
        return _Judged("error", reason)
    name = f"{gate.metric} - baseline"
    if found.value is None:
        reason = f"{gate.metric} has no value here or in the baseline {baseline.name}"
        return _Judged("inconclusive", reason, Metric(name=name, value=None, n=found.n))
    if found.is_paired and found.interval is None and gate.confidence is not None:
        reason = f"{found.n} samples give no interval of a difference"
        return _Judged("inconclusive", reason)
    interval = None if gate.confidence is None else found.interval
    metric = Metric(name=name, value=found.value, n=found.n, interval=interval)
    what = _difference_text(found, baseline, plan)
    is_same = found.is_paired and not (found.wins or found.losses)
    return _concluded(gate, plan, own, metric, what, is_same=is_same)


def _difference_text(found: Difference, baseline: Baseline, plan: TaskPlan) -> str:
    asked = "" if baseline.model == plan.model else f" ({baseline.model})"
    text = (
        f"{found.metric} is {found.first:.4g}, in the baseline {baseline.name}{asked} "
        f"{found.second:.4g}"
    )
    if found.is_paired:
        text += (
            f", over {found.n} samples: {len(found.wins)} higher, "
            f"{len(found.losses)} lower"
        )
    return f"{text}; difference {found.value:+.4g}"


def _concluded(
    gate: Gate,
    plan: TaskPlan,
    own: Sequence[SampleResult],
    metric: Metric,
    what: str,
    *,
    is_same: bool = False,
) -> _Judged:
    """Decide by the interval, and say what more would decide if it cannot."""
    state, interval, value = _state(gate, metric), metric.interval, metric.value
    if interval is None or value is None:
        return _Judged(state, what, metric)
    percent = f"{interval.confidence * 100:g}%"
    span = f"{percent} interval [{interval.low:.4g}, {interval.high:.4g}]"
    if gate.holds(interval.low) == gate.holds(interval.high):
        return _Judged(state, f"{what}, {span}", metric)
    observed = Observed(value, interval, metric.n, is_same)
    more = needed(observed, gate.threshold, own)
    reason = f"{what}, but the {span} contains {gate.threshold:g}"
    if gate.part is None:
        reason += f"; {needed_text(more, plan)}"
    elif more.samples is not None:
        reason += f"; if it stays so, about {more.samples:,} more would decide it"
    return _Judged(state, reason, metric, more)


def _at_confidence(
    gate: Gate,
    metric: Metric,
    results: Sequence[SampleResult],
    clusters: Clusters,
) -> Metric | None:
    """Give the metric the interval that the gate asks for.

    A plugin's metric has the interval that its author computed and no other.
    """
    if gate.confidence is None:
        return replace(metric, interval=None)
    if gate.is_exact:
        exact = exact_interval(gate.metric, results, confidence=gate.confidence)
        is_known = exact is not None and not clusters
        return replace(metric, interval=exact) if is_known else None
    if metric.interval is None or metric.interval.confidence == gate.confidence:
        return metric
    interval = interval_at(gate.metric, results, confidence=gate.confidence)
    if interval is None:
        return None
    wider = replace(metric, interval=interval)
    return clustered(wider, results, clusters, confidence=gate.confidence)


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
