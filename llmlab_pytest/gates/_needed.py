"""How many more samples would decide an inconclusive gate, and what they would cost."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from llmlab_pytest.core import Interval, SampleResult, TaskPlan
from llmlab_pytest.stats import samples_for_mean, samples_for_proportion

_SMALL_USD = 0.01
_OF_PROPORTIONS = ("wilson", "clopper-pearson", "cluster-wilson")


class Observed(NamedTuple):
    """What the samples of a gate have given."""

    value: float
    interval: Interval
    n: int
    is_same: bool = False
    """Whether two runs are compared and no sample differs between them."""


class Needed(NamedTuple):
    """What it would take to decide."""

    samples: int | None
    """More than there are; `None`: no number would, the value is the bound itself."""
    cost_usd: float | None
    """Of those, at the mean cost of a sample; `None` where a cost is not known."""


def needed(observed: Observed, bound: float, results: Sequence[SampleResult]) -> Needed:
    """Return how many more samples would decide four times in five.

    If what was observed is the truth. The first such number is a forecast, as rough as
    the observed value is.

    Args:
        observed: a metric, or a difference, whose interval contains the bound.
        bound: the number of the gate.
        results: of all its samples, for their cost.
    """
    total = _samples(observed, bound)
    if total is None:
        return Needed(None, None)
    more = max(1, total - observed.n)
    per_sample_usd = _cost_usd(results)
    cost_usd = None if per_sample_usd is None else more * per_sample_usd
    return Needed(more, cost_usd)


def needed_text(found: Needed, plan: TaskPlan) -> str:
    """Say it in words, and when the task has no such number of samples."""
    if found.samples is None:
        return "the value is that number itself: no number of samples would decide"
    left = (plan.available - plan.planned) // plan.epochs
    text = f"if it stays so, about {found.samples:,} more samples would decide it"
    if found.cost_usd:
        shown = f"{found.cost_usd:.2f}"
        if found.cost_usd < _SMALL_USD:
            shown = f"{found.cost_usd:.2g}"
        text += f", for about ${shown}"
    if found.samples > left:
        return f"{text}; the task has {left or 'no'} more"
    return text


def _samples(observed: Observed, bound: float) -> int | None:
    """Return how many samples decide in all."""
    value, interval, n, is_same = observed
    confidence = interval.confidence
    reach = NormalDist().inv_cdf((1 + confidence) / 2)
    if interval.method in _OF_PROPORTIONS and 0 <= bound <= 1:
        total = samples_for_proportion(value, bound, confidence=confidence)
        if interval.method != "cluster-wilson" or total is None:
            return total
        # All are alike: the width tells how many clusters there are, z² w / (1 - w).
        inside = 1 - (interval.high - interval.low)
        return math.ceil(total * n * (1 - inside) / (reach**2 * inside))
    if is_same and 0 < abs(bound) < 1:
        # What is known is that few differ: how few, is a proportion.
        return samples_for_proportion(0.0, abs(bound), confidence=confidence)
    spread = (interval.high - interval.low) / 2 / reach * math.sqrt(n)
    return samples_for_mean(value - bound, spread, confidence=confidence)


def _cost_usd(results: Sequence[SampleResult]) -> float | None:
    """Return the mean cost of a sample, epochs together, kept answers at their price.

    `None` where the cost of any is not known.
    """
    costs = [
        result.original.cost_usd if result.original else result.cost_usd
        for result in results
    ]
    known = [cost_usd for cost_usd in costs if cost_usd is not None]
    samples = {result.sample_id for result in results}
    if len(known) < len(costs) or not samples:
        return None
    return math.fsum(known) / len(samples)
