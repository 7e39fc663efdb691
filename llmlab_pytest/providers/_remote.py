"""Models behind an API: the way that a request takes to its server."""

import re
from typing import Any

from llmlab_pytest.core import ModelSpec, load
from llmlab_pytest.providers._price_map import Entry, openai_entry
from llmlab_pytest.providers._remote_model import RemoteModel, Transport
from llmlab_pytest.providers._remote_options import RemoteOptions, openai_base_url

_LEAVES = "llmlab_pytest.providers"
_PASSED = frozenset(
    {
        "extra_body",
        "extra_headers",
        "frequency_penalty",
        "logit_bias",
        "max_completion_tokens",
        "max_tokens",
        "presence_penalty",
        "prompt_cache_key",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "temperature",
        "top_logprobs",
        "top_p",
    }
)
"""Parameters that litellm sends to such a server as they are."""
_REWRITTEN = re.compile(
    r"gpt-5|gpt-6|(?:^|/|:)o\d|audio|search|^responses/|^ft:|^codex"
)
"""Names of models whose parameters litellm rewrites, refuses, or sends elsewhere."""


def connect(spec: ModelSpec) -> RemoteModel:
    """Return a remote model; imports litellm only if its requests need it.

    Raises:
        ConfigError: an option is wrong, or litellm knows no such vendor.
    """
    options = RemoteOptions.from_spec(spec)
    name = plain_name(spec, options)
    transport: Transport
    if name is None:
        transport = load(f"{_LEAVES}._litellm:LiteLLM")(spec, options)
    else:
        transport = load(f"{_LEAVES}._openai_http:OpenAIHttp")(spec, options, name)
    return RemoteModel(spec, options, transport)


def plain_name(spec: ModelSpec, options: RemoteOptions) -> str | None:
    """Return a model's name at its server, if litellm sends its requests unchanged.

    These are the chat models of OpenAI's protocol that do not reason, the vendor's own
    and those of other servers. `None`: litellm is needed.
    """
    vendor, slash, name = spec.id.partition("/")
    if not slash:
        name = spec.id if openai_entry(spec.id) else ""
    elif vendor != "openai":
        return None
    has_password = "@" in (options.base_url or openai_base_url() or "")
    extra: dict[str, Any] = dict(options.extra or {})
    is_plain = (
        name
        and options.transport == "auto"
        and not has_password
        and not _REWRITTEN.search(name)
        and _is_plain_entry(openai_entry(name))
        and extra.keys() <= _PASSED
    )
    return name if is_plain else None


def _is_plain_entry(entry: Entry) -> bool:
    """Whether a model is unknown to the map, or known as one that only talks."""
    return not entry or (
        entry.get("mode") == "chat" and not entry.get("supports_reasoning")
    )
