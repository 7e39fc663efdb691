"""What a usage costs by the rates of a kept price, an entry of today or a price list.

By litellm's own names of rates or by the parts that lists share. What an answer cost
beyond its tokens (a search, an image, writing a cache) is in no usage: whoever
re-prices a call checks first that its own price gives its own cost.
"""

import re
from collections.abc import Mapping

from llmlab_pytest.core import ModelSpec, Price, Usage
from llmlab_pytest.providers._price import (
    asked_tier,
    is_free,
    mapped_price,
    own_price,
)
from llmlab_pytest.providers._price_map import map_entry, map_source

_PER_MILLION = 1e6
_ABOVE = re.compile(r"_above_(?P<tokens>\d+)(?P<thousand>k?)_tokens")
_PARTS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "output_cost_per_reasoning_token": "reasoning",
}
_READ, _WRITTEN, _CACHED, _THOUGHT = _PARTS
_HEARD, _SPOKEN = "input_cost_per_audio_token", "output_cost_per_audio_token"


def price_now(spec: ModelSpec) -> Price | None:
    """Return the rates that calls of a model are reckoned by today.

    `None` where nobody knows them, and for what computes on this machine for nothing.
    """
    if own := own_price(spec):
        return own
    if is_free(spec):
        return None
    price = mapped_price(map_entry(spec.id), source=map_source(), tier=asked_tier(spec))
    return price if price.usd_per_million_tokens else None


def usage_cost_usd(price: Price, usage: Usage) -> float | None:
    """Return what tokens cost by a price, US dollars; `None` if it lacks a rate.

    Args:
        price: by litellm's names of rates, of all tiers and lengths of prompt, or by
            `input`, `output`, `cached_input` and `reasoning`.
        usage: of one call: long prompts may have rates of their own.
    """
    rates = _Rates(price, usage.input_tokens)
    read, written = rates.of(_READ), rates.of(_WRITTEN)
    heard, spoken = rates.of(_HEARD), rates.of(_SPOKEN)
    is_sound_known = (heard is not None or not usage.input_audio_tokens) and (
        spoken is not None or not usage.output_audio_tokens
    )
    if read is None or written is None or not is_sound_known:
        return None
    cached, thought = rates.of(_CACHED), rates.of(_THOUGHT)
    cached_read = usage.cached_input_tokens
    plain_read = usage.input_tokens - cached_read - usage.input_audio_tokens
    plain_written = (
        usage.output_tokens - usage.reasoning_tokens - usage.output_audio_tokens
    )
    return (
        plain_read * read
        + cached_read * (read if cached is None else cached)
        + plain_written * written
        + usage.reasoning_tokens * (written if thought is None else thought)
        + usage.input_audio_tokens * (heard or 0.0)
        + usage.output_audio_tokens * (spoken or 0.0)
    ) / _PER_MILLION


class _Rates:
    """Finds the rate that holds for a prompt of some length in a tier."""

    def __init__(self, price: Price, input_tokens: int) -> None:
        self._rates: Mapping[str, float] = price.usd_per_million_tokens
        self._tier = price.tier
        self._input_tokens = input_tokens

    def of(self, name: str) -> float | None:
        """Return a rate per million tokens by litellm's name, `None` if not stated."""
        tiers = [f"_{self._tier}", ""] if self._tier else [""]
        for ending in (*self._lengths(name), ""):
            for tier in tiers:
                rate = self._rates.get(f"{name}{ending}{tier}")
                if rate is not None:
                    return rate
        return self._rates.get(_PARTS.get(name, ""))

    def _lengths(self, name: str) -> list[str]:
        """Return the endings for long prompts that hold, the longest first."""
        found: dict[int, str] = {}
        for rate in self._rates:
            match = _ABOVE.search(rate)
            if match and rate.startswith(name):
                tokens = int(match["tokens"]) * (1000 if match["thousand"] else 1)
                if self._input_tokens > tokens:
                    found[tokens] = match[0]
        return [found[tokens] for tokens in sorted(found, reverse=True)]
