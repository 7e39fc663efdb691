"""What a call took in tokens, and at what price it was reckoned."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


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
