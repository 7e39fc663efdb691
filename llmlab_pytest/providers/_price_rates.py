"""The price that a model's calls would be reckoned by, in parts that sources share.

Sources name what they charge for differently; these five parts all of them know:

- `input`, `output`: of text that is read, and written.
- `cached_input`, `cache_write`: of input that is read from a cache, or put into one.
- `reasoning`: of what a model thinks, where that costs other than `output`.

Left out: sound, images, single requests, and what long prompts cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from llmlab_pytest.core import ModelSpec
from llmlab_pytest.providers._price import asked_tier, is_free, own_price
from llmlab_pytest.providers._price_map import (
    Entry,
    map_entry,
    map_source,
    today,
)

Rates: TypeAlias = Mapping[str, float]
"""US dollars per million tokens by part, of `PRICE_PARTS`; what is not stated is not in
it."""

PRICE_PARTS = ("input", "output", "cached_input", "cache_write", "reasoning")
_OF_MAP = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
}
_MAPPED = "litellm"
"""The provider whose prices the map knows."""
_PER_MILLION = 1e6
_DIGITS = 9
"""Of a rate per million tokens: what is beyond them is the error of a float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPrice:
    """What one source says that a model costs."""

    rates: Rates
    source: str
    """Who says so: `litellm 1.106.0`, or file and line of the registry entry."""
    read_on: str
    """The day on which it was read, `YYYY-MM-DD` in UTC."""
    tier: str | None = None
    """The service tier that the entry asks for; `None` is the vendor's usual."""


def stated_price(spec: ModelSpec) -> StatedPrice | None:
    """Return the price that calls of a model would be reckoned by.

    The entry's own, else nothing for what computes on this machine, else that of
    litellm's map for text of usual length. `None`: nobody knows.
    """
    if own := own_price(spec):
        return StatedPrice(
            rates=own.usd_per_million_tokens, source=own.source, read_on=own.read_on
        )
    if is_free(spec):
        rates = {"input": 0.0, "output": 0.0}
        return StatedPrice(rates=rates, source="this machine", read_on=today())
    if spec.provider != _MAPPED:
        return None
    tier = asked_tier(spec)
    rates = map_rates(map_entry(spec.id), tier=tier)
    if not {"input", "output"} <= rates.keys():
        return None
    return StatedPrice(rates=rates, source=map_source(), read_on=today(), tier=tier)


def map_rates(entry: Entry, *, tier: str | None = None) -> dict[str, float]:
    """Return the parts that an entry of litellm's map states.

    Args:
        entry: in US dollars per token.
        tier: litellm's name of a service tier; a part that has no rate of its own for
            it costs as usual.
    """
    rates = {}
    for name, part in _OF_MAP.items():
        for key in (f"{name}_{tier}", name):
            rate = entry.get(key)
            if isinstance(rate, int | float):
                rates[part] = per_million(rate)
                break
    return rates


def per_million(usd_per_token: float) -> float:
    """Return a rate per million tokens, without the error of its multiplication."""
    return round(usd_per_token * _PER_MILLION, _DIGITS)
