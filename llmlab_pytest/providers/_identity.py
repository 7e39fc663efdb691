"""What decides a model's answers besides the request, known without loading it.

Two models with one identity give the same answer to one request, as far as anybody
can know: weights by their digest, a remote model by its name and server. Not part of
it: the alias, prices, keys, and how long and how often a server is asked.
"""

import os
import platform
import re
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from llmlab_pytest.core import Json, LlmlabError, ModelSpec, redact
from llmlab_pytest.providers._script_file import script_path
from llmlab_pytest.providers._weights import (
    digest_of_weights,
    find_weights,
    name_of_weights,
)

_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "llamacpp": ("llama-cpp-python",),
    "transformers": ("torch", "transformers"),
}
"""Packages whose versions decide how the weights of a local model are computed."""
_NOT_DECIDING = (
    "api_key_command",
    "api_key_env",
    "base_url",
    "concurrency",
    "connect_timeout_s",
    "first_token_timeout_s",
    "requests_per_minute",
    "timeout_s",
    "tokens_per_minute",
    "transport",
)
"""Options of a remote model that change no answer; its server is told apart."""
_OF_A_MACHINE = (
    *_NOT_DECIDING,
    "attn_implementation",
    "batch_size",
    "device",
    "gpu_layers",
    "threads",
)
"""Options by which one machine computes the answers of a model as it can."""
_SERVER_NAMES = ("_API_BASE", "_BASE_URL")
"""How the variables end that send a vendor's calls elsewhere."""
_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]")
_PROCESSOR = Path("/proc/cpuinfo")


def identity_of(spec: ModelSpec) -> dict[str, Json] | None:
    """Return what decides the answers of a model, as plain JSON.

    `None` where nobody can know it: for providers of plugins, and for weights that are
    not there (loading them says why). Digests weights, once per process and file.
    """
    if spec.members:
        return _of_members(spec, identity_of)
    options = dict(spec.options)
    try:
        if spec.provider == "litellm":
            for name in _NOT_DECIDING:
                options.pop(name, None)
            servers = named_servers(spec)
            decided: dict[str, Json] = {
                "servers": {n: without_credentials(url) for n, url in servers.items()}
            }
        elif spec.provider in _LIBRARIES:
            decided = _local(spec)
        elif spec.provider == "scripted":
            decided = {"weights": digest_of_weights(script_path(spec.id))}
        else:
            return None
    except (LlmlabError, OSError):
        return None
    return {
        "provider": spec.provider,
        "id": spec.id,
        "options": options,
        **decided,
    }


def portable_identity(spec: ModelSpec) -> dict[str, Json]:
    """Return what every machine agrees on about a model, as plain JSON.

    Its names and the options that mean a model rather than a machine. Of a path only
    the last part counts: the folders around it differ.
    """
    if spec.members:
        return _of_members(spec, portable_identity) or {}
    options = {n: v for n, v in spec.options.items() if n not in _OF_A_MACHINE}
    decided: dict[str, Json] = {
        "provider": spec.provider,
        "id": _without_folders(spec.id),
    }
    if spec.provider in _LIBRARIES or spec.provider == "scripted":
        # The length of a context decides how a long text is cut into windows.
        decided |= {
            "id": name_of_weights(spec.id),
            "context_tokens": spec.context_tokens,
        }
    if options:
        decided["options"] = {n: _without_folders(v) for n, v in options.items()}
    return decided


def _of_members(
    spec: ModelSpec, identity: Callable[[ModelSpec], dict[str, Json] | None]
) -> dict[str, Json] | None:
    """Return the rule of an ensemble and who its members are; `None`: not known."""
    members: dict[str, Json] = {}
    for member in spec.members:
        own = identity(member)
        if own is None:
            return None
        members[member.alias] = {**own, "defaults": dict(member.defaults)}
    return {
        "provider": spec.provider,
        "options": dict(spec.options),
        "members": members,
    }


def _without_folders(value: Json) -> Json:
    """Return the last part of an absolute path; any other value as it is."""
    is_path = isinstance(value, str) and _ABSOLUTE.match(value)
    return name_of_weights(value) if is_path and isinstance(value, str) else value


def weights_digest(spec: ModelSpec) -> str | None:
    """Return the digest of a local model's weights or script; `None` without them.

    Computed once per process and file.
    """
    try:
        if spec.provider in _LIBRARIES:
            return digest_of_weights(find_weights(spec))
        if spec.provider == "scripted" and script_path(spec.id).is_file():
            return digest_of_weights(script_path(spec.id))
    except (LlmlabError, OSError):
        return None
    return None


def _local(spec: ModelSpec) -> dict[str, Json]:
    versions: dict[str, Json] = {}
    for library in _LIBRARIES[spec.provider]:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = None
    return {
        "weights": digest_of_weights(find_weights(spec)),
        "context_tokens": spec.context_tokens,
        "versions": versions,
        # `dtype = "auto"` computes in bfloat16 where the processor can.
        "machine": [platform.machine(), _knows_bfloat16()],
    }


def _knows_bfloat16() -> bool:
    try:
        flags = _PROCESSOR.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return any(flag in {"avx512_bf16", "amx_bf16", "bf16"} for flag in flags)


def named_servers(spec: ModelSpec) -> dict[str, str]:
    """Return the address of a remote model's server, by the option that names it.

    Without that option: the variables that may name one, in alphabetical order.

    litellm asks a variable of the vendor, as `OPENAI_BASE_URL`; the vendor of an id
    without one is known to litellm only, which takes seconds to import.
    """
    given = spec.options.get("base_url")
    if isinstance(given, str):
        return {"base_url": given}
    vendor, slash, _ = spec.id.partition("/")
    words = vendor.upper().replace("-", "_").split("_") if slash else [""]
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.endswith(_SERVER_NAMES) and name.startswith(tuple(words)) and value
    }


def without_credentials(url: str) -> str:
    """Return an address without its user and password."""
    parts = urlsplit(url)
    return redact(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])))
