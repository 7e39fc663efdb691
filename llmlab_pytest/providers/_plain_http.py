"""Whether what is sent to a model's server can be read on its way."""

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from llmlab_pytest.core import ModelSpec, redact
from llmlab_pytest.providers._identity import named_servers
from llmlab_pytest.providers._key_command import COMMAND
from llmlab_pytest.providers._price_map import openai_entry


def plain_http_warning(spec: ModelSpec) -> str | None:
    """Return what to say of a model whose server is asked over plain http.

    `None` for https, for this machine, and for models that have no server. Names of
    other machines are not looked up: also in one's own network others can listen.
    """
    if spec.members:
        found = map(plain_http_warning, spec.members)
        return " ".join(filter(None, found)) or None
    if spec.provider != "litellm":
        return None
    for place, address in named_servers(spec).items():
        if not (_is_open(address) and _is_asked(spec, place)):
            continue
        what = "The key, prompts" if _sends_key(spec, place) else "Prompts"
        shown = redact(urlsplit(address)._replace(query="").geturl())
        return (
            f"{spec.alias!r} ({spec.source or place}) is asked over plain http: "
            f"{place} is {shown!r}. {what} and answers can be read on the way. "
            "Use an https:// address, or a tunnel that ends on this machine."
        )
    return None


def _is_open(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:  # e.g. a bracket without its pair; the call will say so
        return False
    if parts.scheme != "http" or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _is_asked(spec: ModelSpec, place: str) -> bool:
    """Whether a variable's server is the model's; an id may not tell its vendor."""
    if place == "base_url" or "/" in spec.id:
        return True
    vendor = "OPENAI" if openai_entry(spec.id) else spec.id.partition("-")[0].upper()
    return place.startswith({"CLAUDE": "ANTHROPIC"}.get(vendor, vendor))


def _sends_key(spec: ModelSpec, place: str) -> bool:
    """Whether a key goes along, as far as the entry and the environment tell."""
    options = spec.options
    if any(options.get(name) for name in ("api_key_env", COMMAND)):
        return True
    extra = options.get("extra")
    headers = extra.get("extra_headers") if isinstance(extra, Mapping) else None
    if isinstance(headers, Mapping) and headers:
        return True
    if place == "base_url":
        return "@" in urlsplit(str(options[place])).netloc
    vendor = place.partition("_")[0]
    return bool(os.environ.get(f"{vendor}_API_KEY")) or "@" in os.environ[place]
