"""What work will take: an estimate before a run, a prediction of a larger one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Between which numbers something will lie."""

    low: float
    high: float
    likely: float | None = None
    """The mean of what is expected; `None` where only the bounds are known."""

    def __add__(self, other: "Span") -> "Span":
        """Add two: bounds to bounds, which is wide rather than narrow."""
        likely = None
        if self.likely is not None and other.likely is not None:
            likely = self.likely + other.likely
        return Span(self.low + other.low, self.high + other.high, likely)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a task on a model will take; an amount that nobody knows is `None`."""

    task: str
    model: str
    judge: str = ""
    """Alias of the judge of the model's answers that this is about; none: the model."""
    items: int
    """How many samples, or tests, will ask the model."""
    kept: int = 0
    """How many more have an answer that is kept, and will ask nobody."""
    input_tokens: Span | None = None
    output_tokens: Span | None = None
    cost_usd: Span | None = None
    time_s: Span | None = None
    """At the pace of the run that this is known from."""
    basis: str = ""
    """What it is known from, e.g. `20 samples of run 20261125-…`."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a workload that is larger than a run by a factor will take."""

    factor: float
    forecasts: tuple[Forecast, ...]
    """One per row of the run's table."""
