"""Whether a run is worse than the base: decided by the intervals of the differences.

A task is not worse when its whole interval lies above minus the margin, and worse when
it lies below zero and does not exclude a loss of the margin. Otherwise the samples
cannot tell. With several tasks the intervals hold together: each has the confidence
1 - 0.05 / k (Bonferroni), so that the chance of any false verdict is below 5 %.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from llmlab_pytest.comparing import Compared, Pair, Side, compare_pairs
from llmlab_pytest.core import ConfigError
from llmlab_pytest.gates import Needed, Observed, needed
from llmlab_pytest.metrics import Difference, MetricRegistry
from llmlab_pytest.reporting import LOWER_IS_BETTER
from llmlab_pytest.reviewing._pairs import pair_runs
from llmlab_pytest.stats import holm

State = Literal["worse", "error", "inconclusive", "not worse"]
STATES: tuple[State, ...] = ("worse", "error", "inconclusive", "not worse")
"""The most serious first: a review is what its most serious task is."""
_LEVEL = 0.05
_PER_CENT = 100
_MARGIN = re.compile(r"(?P<number>\d+\.?\d*|\.\d+)\s*(?P<points>points)?")


class Reviewed(NamedTuple):
    """A task and model of both runs, and what was decided."""

    compared: Compared
    state: State
    why: str
    """What is beyond the numbers: why nothing was decided; may be empty."""
    is_lower_better: bool
    needed: Needed | None = None
    """What more would decide an inconclusive one, asked in both runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Everything that a comment says of two runs."""

    reviewed: tuple[Reviewed, ...]
    """The most serious first."""
    added: tuple[Side, ...]
    removed: tuple[Side, ...]
    margin: float
    confidence: float
    """Of each interval."""

    @property
    def state(self) -> State:
        """The most serious of all tasks; a task that is missing is inconclusive."""
        found = {each.state for each in self.reviewed}
        if self.removed or not found:
            found.add("inconclusive")
        return next(state for state in STATES if state in found)


def parse_margin(text: str) -> float:
    """Read how much worse is allowed: `0.02`, or `2 points` of a hundred.

    Raises:
        ConfigError: it is neither.
    """
    match = _MARGIN.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"--margin is {text!r}.",
            allowed="It takes a number from 0 on, e.g. 0.02, or points: '2 points'.",
        )
    return float(match["number"]) / (_PER_CENT if match["points"] else 1)


def review_runs(
    base: Sequence[Side],
    head: Sequence[Side],
    registry: MetricRegistry,
    *,
    margin: float,
    lower_is_better: Collection[str] = (),
) -> Review:
    """Compare a run with the base and decide.

    Args:
        base: what it is compared with.
        head: the run.
        registry: the known metrics.
        margin: how much worse is allowed, in the metric's unit.
        lower_is_better: metrics of which less is better, beyond those known.

    Raises:
        ConfigError: a metric is not known.
    """
    paired = pair_runs(base, head)
    confidence = 1 - _LEVEL / max(1, len(paired.pairs))
    compared = compare_pairs(paired.pairs, registry, holm, confidence=confidence)
    is_lower: Callable[[str], bool] = {*LOWER_IS_BETTER, *lower_is_better}.__contains__
    reviewed = [
        _reviewed(each, margin, is_lower_better=is_lower(each.found.metric))
        for each in compared
    ]
    reviewed.sort(key=lambda each: STATES.index(each.state))
    return Review(
        reviewed=tuple(reviewed),
        added=tuple(paired.added),
        removed=tuple(paired.removed),
        margin=margin,
        confidence=confidence,
    )


def _reviewed(compared: Compared, margin: float, *, is_lower_better: bool) -> Reviewed:
    found = compared.found
    state: State = "inconclusive"
    more = None
    if why := _trouble(compared.pair):
        state = "error"
    elif not (why := _why_unknown(found)) and found.interval is not None:
        sign = -1 if is_lower_better else 1
        gain, ends = sign * (found.value or 0.0), found.interval
        if is_lower_better:
            ends = replace(ends, low=-ends.high, high=-ends.low)
        if ends.low >= -margin:
            state = "not worse"
        elif ends.high < 0:
            state = "worse"
        else:
            is_same = not (found.wins or found.losses)
            observed = Observed(gain, ends, found.n, is_same)
            # What more takes, it takes in both runs: their results count together.
            both = [result for side in compared.pair for result in side.results]
            more = needed(observed, -margin, both)
    return Reviewed(compared, state, why, is_lower_better, more)


def _why_unknown(found: Difference) -> str:
    """Return why no interval decides; empty where one does."""
    if found.value is None or (found.is_paired and not found.n):
        return "the two runs have no scored sample in common"
    if not found.is_paired:
        return f"{found.metric} is a total: it has no interval"
    if found.interval is None:
        return f"{found.n} samples give no interval"
    return ""


def _trouble(pair: Pair) -> str:
    """Return what is missing, if anything: trouble is never taken for a score."""
    for name, side in zip(("the base", "this run"), pair, strict=True):
        errors = [result for result in side.results if result.error is not None]
        if errors:
            return (
                f"{len(errors)} of {len(side.results)} samples of {name} ended in an "
                f"error, first {errors[0].sample_id}: {errors[0].error}"
            )
        if side.planned is not None and len(side.results) < side.planned:
            return (
                f"{len(side.results)} of {side.planned} planned samples of {name} have "
                "a result"
            )
    return ""
