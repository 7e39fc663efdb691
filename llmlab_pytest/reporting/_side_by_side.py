"""What is shown of models side by side: records of numbers, filled by `comparing`.

All numbers of a task rest on the samples that every model has a score of. Money and
seconds are those of one sample: what its answers cost when a model gave them, so that
an answer of the cache counts what it once took.
"""

from dataclasses import dataclass
from typing import Literal

from llmlab_pytest.core import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one model gives, and what that takes."""

    model: str
    """Its alias; where several runs are compared, with the run."""
    quality: float
    """Mean of the compared metric, 0 to 1."""
    quality_interval: Interval | None
    cost_usd: float | None
    """Dollars per sample; `None` where any price is unknown, 0.0 on this machine."""
    cost_interval: Interval | None
    cost_per_correct_usd: float | None
    """Dollars per right answer; `None` also where none is right."""
    cost_per_correct_interval: Interval | None
    """`None` where so few are right that there is no upper end."""
    usd_per_1000_tokens: float | None
    """Dollars per 1,000 tokens read and written."""
    latency_s: float | None
    """Mean seconds per sample; `None` where none was measured."""
    latency_interval: Interval | None
    latency_p50_s: float | None
    latency_p50_interval: Interval | None
    latency_p95_s: float | None
    latency_p95_interval: Interval | None
    compute_s: float | None
    """Seconds of this machine's compute per sample; `None` for a remote model."""
    is_on_cost_frontier: bool | None
    """Whether no model is as good for less; `None` where its cost is not known."""
    cost_frontier_chance: float | None
    """How often it is, when samples are drawn anew."""
    is_on_latency_frontier: bool | None
    latency_frontier_chance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Win:
    """Two models on the same samples, second minus first."""

    first: str
    second: str
    difference: float | None
    interval: Interval | None
    higher: int
    """Of how many samples the second has the higher value."""
    lower: int
    same: int
    p: float | None
    corrected_p: float | None
    """Corrected for all pairs of all tasks that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RightTogether:
    """Which samples two models have right; of epochs, more than half of them."""

    both: int
    only_first: int
    only_second: int
    neither: int
    kappa: float | None
    """Cohen's; `None` where one of them is always right, or never."""
    kappa_interval: Interval | None
    error_overlap: float | None
    """Of the samples that either has wrong, the share that both have."""
    same_wrong: float | None
    """Of the samples that both have wrong, the share with the same wrong answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How alike two models answer."""

    first: str
    second: str
    alike: float | None
    """Share of the samples to which both give the same answer; `None` where scorers
    keep none."""
    alike_interval: Interval | None
    together: RightTogether | None
    """`None` where values are not right or wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Separating:
    """A sample that only some of the models have right."""

    sample_id: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    discrimination: float | None
    """Correlation over models of being right here with quality on the other samples;
    below 0 the worse models have it right, as where the target is wrong. `None` for
    two models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """How often the same question gets the same answer."""

    over: Literal["epochs", "models", "prompts"]
    model: str
    """Whose answers; empty where several are compared with each other."""
    alike: float | None
    """Mean over samples of the share of pairs of answers that are the same; `None`
    where scorers keep none."""
    alike_interval: Interval | None
    n: int
    """How many samples have two answers at least."""
    alpha: float | None
    """Krippendorff's, of the values; `None` where all are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Which model to take."""

    model: str | None
    """The cheapest shown to be not worse than the best by the margin; `None`: none."""
    margin: float
    confidence: float
    """How likely, at least, no model is advised that is worse by the margin."""
    reason: str
    """One sentence with the numbers that decided."""
    candidate: str | None = None
    """A cheaper model that more samples may show to be good enough."""
    more_samples: int | None = None
    """How many more would decide about it four times in five."""
    more_cost_usd: float | None = None
    """What they cost on the models that it has to be compared with, its own included;
    `None` where a price is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """Ask a cheap model first, and a dear one where the cheap one is unsure.

    Or, as a router, one of them by what is known before.
    """

    first: str
    second: str
    rule: str
    """The second is asked where this holds."""
    is_oracle: bool
    """Whether the rule looks at the target: a bound that no real rule can beat."""
    asked_second: float
    """Share of the samples on which the second is asked."""
    quality: float
    quality_interval: Interval | None
    cost_usd: float
    """Dollars per sample; a rule by epochs pays all of the first model's."""
    cost_interval: Interval | None
    difference: float
    """Quality minus that of the second model alone, on the same samples."""
    difference_interval: Interval | None
    mixed_quality: float | None
    """What asking either by a coin gives for the same money; `None` where the cascade
    costs more than the second alone."""
    n: int
    """How many samples it is judged on; a threshold was chosen on others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSide:
    """One task, or all of them, with its models side by side."""

    task: str
    metric: str
    n: int
    """How many samples all models have a score of."""
    left_out: int
    """How many not all have, or from different rows."""
    standings: tuple[Standing, ...]
    """By quality, the best first."""
    wins: tuple[Win, ...] = ()
    matches: tuple[Match, ...] = ()
    separating: tuple[Separating, ...] = ()
    """Those that tell most first."""
    none_right: tuple[str, ...] = ()
    """Ids of the samples that no model has right."""
    all_right: int | None = None
    consistencies: tuple[Consistency, ...] = ()
    advice: Advice | None = None
    cascades: tuple[Cascade, ...] = ()
    routers: tuple[Cascade, ...] = ()
    """Of each sample only one model is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """Everything that is shown of models side by side."""

    tasks: tuple[TaskSide, ...]
    overall: TaskSide | None
    """The mean over tasks, each counting the same; `None` for one task."""
    notes: tuple[str, ...] = ()
    """What could not be put side by side, and why."""
