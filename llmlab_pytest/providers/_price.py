"""Prices of calls: an entry's own, litellm's rates as a record, and the worst case.

The worst case of a call is what it can cost at most: the longest that its input can be
at the dearest rate of input, and `max_tokens` at the dearest of output.
"""

import re
from collections.abc import Mapping
from typing import cast

from llmlab_pytest.core import (
    ConfigError,
    GenerateRequest,
    Model,
    ModelSpec,
    Price,
    PricedModel,
    Request,
    Usage,
)
from llmlab_pytest.providers._most_input import most_input_tokens
from llmlab_pytest.providers._price_map import map_entry, openai_cost_usd, today

_PER_MILLION = 1e6
_FREE = frozenset({"llamacpp", "scripted", "transformers"})
"""Providers that compute on this machine: what their entries do not price is free."""
_INPUT = "input_cost_per_token"
_RATE = re.compile(
    r"(?P<kind>(input|output)_cost_per_(token|audio_token|reasoning_token)"
    r"|cache_(read|creation)_input_(audio_)?token_cost)"
    r"(_above_1hr)?(_above_(?P<above>\d+)k?_tokens)?(_(?P<tier>[a-z]+))?"
)
"""A rate in litellm's map, by a cache's time to live, a prompt's length and tier."""
_THOUSAND = re.compile(r"_above_\d+k_")
_TIER_OF = {"fast": "priority"}
"""Where a vendor's name of a tier is not litellm's."""


def own_price(spec: ModelSpec) -> Price | None:
    """Return the price that a registry entry states, `None` without one."""
    read_usd = spec.input_usd_per_million_tokens
    written_usd = spec.output_usd_per_million_tokens
    if read_usd is None or written_usd is None:
        return None
    cached_usd = spec.cached_input_usd_per_million_tokens
    rates = {"input": read_usd, "output": written_usd}
    if cached_usd is not None:
        rates["cached_input"] = cached_usd
    return Price(
        source=spec.source or f"the entry of {spec.alias!r}",
        read_on=today(),
        usd_per_million_tokens=rates,
    )


def own_cost_usd(price: Price, usage: Usage) -> float:
    """Return what a usage costs by an entry's own price, in US dollars."""
    rates = price.usd_per_million_tokens
    cached = usage.cached_input_tokens
    return (
        (usage.input_tokens - cached) * rates["input"]
        + cached * rates.get("cached_input", rates["input"])
        + usage.output_tokens * rates["output"]
    ) / _PER_MILLION


def local_cost_usd(spec: ModelSpec, usage: Usage) -> float:
    """Return what a usage costs on this machine: nothing, unless the entry says so."""
    price = own_price(spec)
    return 0.0 if price is None else own_cost_usd(price, usage)


def own_worst_usd(price: Price, *, input_tokens: int, output_tokens: int) -> float:
    """Return the most that a call can cost by an entry's own price."""
    rates = price.usd_per_million_tokens
    read_usd = max(rates["input"], rates.get("cached_input", 0.0))
    return (input_tokens * read_usd + output_tokens * rates["output"]) / _PER_MILLION


def worst_cost_usd(model: Model, request: Request) -> float:
    """Return the most that a call can cost, US dollars: as the model or its entry says.

    Raises:
        ConfigError: the price is unknown, or the answer has no longest length.
    """
    if isinstance(model, PricedModel):
        return model.worst_cost_usd(request)
    price = own_price(model.spec)
    if is_free(model.spec):
        return 0.0
    if price is None:
        raise unknown_price(model.spec)
    output_tokens = 0
    if isinstance(request, GenerateRequest):
        output_tokens = request.config.max_tokens or 0
        if not output_tokens:
            raise ConfigError(
                f"{model.spec.alias!r} is asked without max_tokens, so the worst cost "
                "of the call is not known.",
                fix="State max_tokens in the call or in the model's defaults.",
            )
    return own_worst_usd(
        price,
        input_tokens=most_input_tokens(request),
        output_tokens=output_tokens,
    )


def usual_cost_usd(spec: ModelSpec, usage: Usage) -> float | None:
    """Return what a usage costs at the rates of today; `None` if nobody knows.

    Before a model is loaded: by its entry, else by litellm's map.
    """
    if spec.members:
        return _sum_of_members(spec, usage)
    if price := own_price(spec):
        return own_cost_usd(price, usage)
    if is_free(spec):
        return 0.0
    if spec.provider != "litellm":
        return None
    return openai_cost_usd(map_entry(spec.id), usage, tier=asked_tier(spec))


def _sum_of_members(spec: ModelSpec, usage: Usage) -> float | None:
    """Return what the members of an ensemble cost, if each is asked so much.

    A judge reads all of their answers.
    """
    by_name = {member.alias: member for member in spec.members}
    names = [str(name) for name in cast("list[str]", spec.options["members"])]
    costs = [usual_cost_usd(by_name[name], usage) for name in names]
    if (judge := spec.options.get("judge")) is not None:
        read_tokens = usage.input_tokens + len(names) * usage.output_tokens
        costs.append(
            usual_cost_usd(by_name[str(judge)], Usage(input_tokens=read_tokens))
        )
    known = [usd for usd in costs if usd is not None]
    return sum(known) if len(known) == len(costs) else None


def is_free(spec: ModelSpec) -> bool:
    """Whether a model computes on this machine and its entry states no price."""
    if spec.members:
        return all(map(is_free, spec.members))
    return spec.provider in _FREE and own_price(spec) is None


def asked_tier(spec: ModelSpec) -> str | None:
    """Return litellm's name of the service tier that an entry asks for."""
    extra = spec.options.get("extra")
    tier = extra.get("service_tier") if isinstance(extra, dict) else None
    return None if tier is None else _TIER_OF.get(str(tier), str(tier))


def unknown_price(spec: ModelSpec) -> ConfigError:
    """Return the error of a call that a budget cannot cover."""
    return ConfigError(
        f"A budget is set, and the price of {spec.alias!r} ({spec.id}) is not known.",
        fix="State input_usd_per_million_tokens and output_usd_per_million_tokens in "
        "its entry of llmlab_models.toml (0 for what costs nothing).",
    )


def mapped_price(
    entry: Mapping[str, object], *, source: str, tier: str | None
) -> Price:
    """Return the token rates of an entry of litellm's price map as a record."""
    rates = {
        name: round(value * _PER_MILLION, 9) for name, value in _rates(entry).items()
    }
    return Price(
        source=source, read_on=today(), usd_per_million_tokens=rates, tier=tier
    )


def mapped_worst_usd(
    entry: Mapping[str, object],
    *,
    input_tokens: int,
    output_tokens: int,
    tier: str | None,
) -> float | None:
    """Return the most that a call can cost by litellm's map; `None`: not stated.

    Args:
        entry: the model's entry.
        input_tokens: at most.
        output_tokens: at most.
        tier: the service tier that is asked for; the usual one can be billed too.
    """
    rates: dict[str, float] = {"input": 0.0, "output": 0.0}
    known = _rates(entry)
    if _INPUT not in known or "output_cost_per_token" not in known:
        return None
    for name, usd in known.items():
        match = _RATE.fullmatch(name)
        if match and _applies(name, match, input_tokens=input_tokens, tier=tier):
            side = "output" if name.startswith("output") else "input"
            rates[side] = max(rates[side], usd)
    per_request = entry.get("input_cost_per_request")
    fee_usd = per_request if isinstance(per_request, float) else 0.0
    return input_tokens * rates["input"] + output_tokens * rates["output"] + fee_usd


def _rates(entry: Mapping[str, object]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in entry.items()
        if _RATE.fullmatch(name) and isinstance(value, int | float)
    }


def _applies(
    name: str, match: re.Match[str], *, input_tokens: int, tier: str | None
) -> bool:
    """Whether a call of this length and tier may be billed at a rate."""
    above = int(match["above"] or 0) * (1000 if _THOUSAND.search(name) else 1)
    asked = _TIER_OF.get(tier or "", tier)
    possible = {None, asked}
    if asked == "auto":  # the settings of the account decide; batches are another API
        possible = {None, match["tier"]} - {"batches"}
    return input_tokens >= above and match["tier"] in possible
