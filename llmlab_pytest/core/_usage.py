"""What answers took: tokens, prices, and what kept answers took at first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts of one completion or a sum of several."""

    input_tokens: int = 0
    """Tokens of the prompt, cached ones included."""
    output_tokens: int = 0
    """Tokens of the answer, reasoning included."""
    cached_input_tokens: int = 0
    """The part of `input_tokens` that the provider billed as cached."""
    reasoning_tokens: int = 0
    """The part of `output_tokens` that is hidden reasoning."""
    input_audio_tokens: int = 0
    """The part of `input_tokens` that is sound."""
    output_audio_tokens: int = 0
    """The part of `output_tokens` that is sound."""

    def __add__(self, other: "Usage") -> "Usage":
        """Add two counts field by field."""
        names = [field.name for field in fields(Usage)]
        return Usage(**{n: getattr(self, n) + getattr(other, n) for n in names})

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The rates that a call's cost was reckoned by; kept with the call.

    A price list changes without notice, and a cost cannot be checked a year later
    without the rates that gave it.
    """

    source: str
    """Who says so: `litellm 1.106.0`, or file and line of the registry entry."""
    read_on: str
    """The day on which it was read, `YYYY-MM-DD` in UTC. Neither litellm nor the
    vendors date their rates; litellm's version pins its list."""
    usd_per_million_tokens: Mapping[str, float]
    """Rate by the source's own names, e.g. `output_cost_per_reasoning_token`: those
    of every tier and length of prompt, for the cost names the tier that held."""
    tier: str | None = None
    """The service tier that was billed, e.g. `flex`; `None` is the vendor's usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What kept answers took when a model gave them; reading them took nothing."""

    source: Literal["cache", "cassette"]
    """Where the answer, or the first of several, was read."""
    answers: int = 1
    """How many answers these are."""
    latency_s: float = 0.0
    """Wall time of the calls, ≥ 0."""
    ttft_s: float | None = None
    """Time to the first token of one answer, if it was streamed; `None` for several."""
    cost_usd: float | None = None
    """`None` when the price of any was not known."""
    compute_s: float | None = None
    """Seconds of a local model's compute, on the machine that answered."""
    usage: Usage = Usage()
    """Their tokens, which the usage of the completion, result or row counts too."""

    @classmethod
    def total(cls, parts: Iterable["Self | None"]) -> "Self | None":
        """Add up kept answers; `None` where there is none among the parts."""
        kept = [part for part in parts if part is not None]
        if len(kept) <= 1:
            return kept[0] if kept else None
        costs = [part.cost_usd for part in kept]
        computed_s = [part.compute_s for part in kept if part.compute_s is not None]
        return cls(
            source=kept[0].source,
            answers=sum(part.answers for part in kept),
            latency_s=sum(part.latency_s for part in kept),
            cost_usd=None if None in costs else sum(filter(None, costs)),
            compute_s=sum(computed_s) if computed_s else None,
            usage=sum((part.usage for part in kept), Usage()),
        )
