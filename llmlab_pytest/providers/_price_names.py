"""What a list of prices calls a model that litellm calls something else."""

import difflib

from llmlab_pytest.core import ConfigError, ModelSpec
from llmlab_pytest.providers._price_lists import PriceList
from llmlab_pytest.providers._price_map import map_entry
from llmlab_pytest.providers._price_rates import Rates

_VENDORS = {
    "openrouter": {
        "gemini": "google",
        "mistral": "mistralai",
        "moonshot": "moonshotai",
        "vertex_ai": "google",
        "xai": "x-ai",
    },
    "models.dev": {
        "bedrock": "amazon-bedrock",
        "fireworks_ai": "fireworks-ai",
        "gemini": "google",
        "moonshot": "moonshotai",
        "together_ai": "togetherai",
        "vertex_ai": "google-vertex",
    },
}
"""Vendors that a source calls by another name than litellm."""


def rates_of(
    prices: PriceList, spec: ModelSpec, *, name: str | None = None
) -> Rates | None:
    """Return what a list says of a model; `None` if it does not have it or no price.

    Args:
        prices: the list.
        spec: the model.
        name: the list's name of it, where it is not found by its id.

    Raises:
        ConfigError: the list has no model of that name.
    """
    if name is not None and name not in prices.rates:
        close = difflib.get_close_matches(name, prices.rates, n=3)
        raise ConfigError(
            f"{prices.path} has no model {name!r}.",
            allowed=f"Close to it: {', '.join(close) or 'none'}.",
            fix="Search the file for the model, and write its name as it is there.",
        )
    found = _found(prices, spec.id) if name is None else name
    return None if found is None else prices.rates[found] or None


def _found(prices: PriceList, model_id: str) -> str | None:
    """Return a list's name of a model, or the only one that differs by `.` and `-`."""
    name = _name_in(prices, model_id)
    if name in prices.rates:
        return name
    alike = [known for known in prices.rates if _plain(known) == _plain(name)]
    return alike[0] if len(alike) == 1 else None


def _name_in(prices: PriceList, model_id: str) -> str:
    """Return how a list should name a model."""
    model_id = model_id.replace("responses/", "", 1)
    vendor, slash, name = model_id.partition("/")
    if prices.format == "litellm":
        is_bare = prices.vendors.get(name) == vendor
        return name if is_bare and model_id not in prices.rates else model_id
    if not slash:
        vendor, name = str(map_entry(model_id).get("litellm_provider", "")), model_id
    if prices.format == vendor:  # OpenRouter's own list leaves its name out
        return name
    return f"{_VENDORS[prices.format].get(vendor, vendor)}/{name}"


def _plain(name: str) -> str:
    return name.casefold().replace(".", "-")
