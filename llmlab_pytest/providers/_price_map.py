"""litellm's price map, read without importing litellm, which takes seconds."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from llmlab_pytest.core import Usage

_FILE = "model_prices_and_context_window_backup.json"
_INPUT = "input_cost_per_token"
_OUTPUT = "output_cost_per_token"
_CACHED = "cache_read_input_token_cost"

Entry = Mapping[str, object]


@cache
def map_source() -> str:
    """Return the map's name and version, as stored with each price."""
    return f"litellm {metadata.version('litellm')}"


def today() -> str:
    """Return the day of a price that is read now, `YYYY-MM-DD` in UTC."""
    return datetime.now(UTC).date().isoformat()


def openai_entry(name: str) -> Entry:
    """Return the entry of OpenAI's model `name`; empty if the map has none.

    Source: `litellm.get_model_info(f"openai/{name}")`, to which a test compares it.
    """
    for key in (f"openai/{name}", name):
        entry = _entries().get(key)
        if entry and entry.get("litellm_provider") == "openai":
            return entry
    return {}


def map_entry(model_id: str) -> Entry:
    """Return the entry of a model by litellm's name of it; empty if the map has none.

    Without litellm, and so without its aliases: of what it says here nothing is paid.
    OpenAI's responses are the same model under another address.
    """
    model_id = model_id.replace("responses/", "", 1)
    vendor, _, name = model_id.partition("/")
    found = _entries().get(model_id)
    if found is None and name:
        found = _entries().get(name)
        if found and found.get("litellm_provider") != vendor:
            found = None
    return found or {}


def openai_cost_usd(entry: Entry, usage: Usage, *, tier: str | None) -> float | None:
    """Return what a usage of text costs, US dollars; `None` without stated rates.

    Source: `litellm.cost_per_token`, to which a test compares it for every model that
    this is used for; none of them bills reasoning, audio or long prompts apart.
    """
    rates = [_rate(entry, name, tier) for name in (_INPUT, _OUTPUT)]
    if None in rates:
        return None
    read_usd, written_usd = (rate or 0.0 for rate in rates)
    cached_usd = _rate(entry, _CACHED, tier)
    cached = usage.cached_input_tokens
    return (
        (usage.input_tokens - cached) * read_usd
        + cached * (read_usd if cached_usd is None else cached_usd)
        + usage.output_tokens * written_usd
    )


def _rate(entry: Entry, name: str, tier: str | None) -> float | None:
    """Return a tier's rate; where it has none of its own, the usual one."""
    for key in (f"{name}_{tier}", name):
        rate = entry.get(key)
        if isinstance(rate, int | float):
            return float(rate)
    return None


@cache
def _entries() -> Mapping[str, Entry]:
    found = find_spec("litellm")
    if found is None or found.origin is None:
        return {}
    try:
        text = Path(found.origin).with_name(_FILE).read_text(encoding="utf-8")
    except OSError:  # another release keeps it elsewhere: prices are unknown then
        return {}
    entries: dict[str, Entry] = json.loads(text)
    return entries
