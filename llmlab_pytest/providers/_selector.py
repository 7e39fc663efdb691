"""What may follow `--llm`: names, globs, groups, and models that are not registered.

A model that is not registered is written directly: `provider:id`, `vendor/name`
(litellm's own notation), or the path of a `.gguf` file.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmlab_pytest.core import ConfigError, ModelSpec, unknown_name
from llmlab_pytest.providers._catalog import capabilities_by_default

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_PROVIDER_PREFIX = re.compile(r"(?P<provider>[A-Za-z_][\w-]+):(?P<id>.+)")
_VENDOR_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[^/].*")
_DIRECT_FORMS = (
    "A model that is not registered is written provider:id, vendor/name, or as the "
    "path of a .gguf file."
)


def split_selectors(selectors: Sequence[str], *, where: str) -> list[str]:
    """Split comma lists and drop blanks.

    Raises:
        ConfigError: nothing is left.
    """
    parts = [part.strip() for text in selectors for part in text.split(",")]
    if names := [part for part in parts if part]:
        return names
    msg = f"{where} is {', '.join(selectors)!r}, which names no model."
    raise ConfigError(msg, fix="Name one, e.g. --llm smollm2.")


def is_glob(selector: str) -> bool:
    """Whether the selector is a pattern over registered names."""
    return any(char in selector for char in "*?[")


def direct_spec(
    selector: str, *, where: str, providers: Mapping[str, Any], aliases: Sequence[str]
) -> ModelSpec:
    """Build the spec of a model that is written directly.

    Raises:
        ConfigError: it is none of the direct forms; suggests names that are close.
    """
    if (form := _PROVIDER_PREFIX.fullmatch(selector)) and form["provider"] in providers:
        name = _path_name(form["id"]) or form["id"]
        alias = f"{form['provider']}-{name}"
        return _spec(alias, form["provider"], form["id"], where)
    if selector.lower().endswith(".gguf"):
        return _gguf_spec(selector, where)
    if form and "://" not in selector:
        raise unknown_name(
            kind="provider",
            name=form["provider"],
            known=list(providers),
            where=f"{where} {selector!r}",
        )
    if Path(selector).expanduser().exists() and "/" in selector:
        msg = f"{where} names the path {selector!r}."
        fix = f"Say what reads it, e.g. transformers:{selector}"
        raise ConfigError(msg, allowed="Only a .gguf path goes alone.", fix=fix)
    if _VENDOR_NAME.fullmatch(selector):
        return _spec(selector, "litellm", selector, where)
    raise unknown_name(
        kind="model", name=selector, known=list(aliases), where=where, fix=_DIRECT_FORMS
    )


def _gguf_spec(selector: str, where: str) -> ModelSpec:
    path = Path(selector).expanduser()
    if not path.is_file():
        msg = f"{where} names {selector!r}, and there is no such file."
        raise ConfigError(msg, fix="Correct the path of the .gguf file.")
    return _spec(path.name, "llamacpp", str(path), where)


def _spec(alias: str, provider: str, model_id: str, where: str) -> ModelSpec:
    return ModelSpec(
        alias=_UNSAFE.sub("-", alias).strip("-") or provider,
        provider=provider,
        id=model_id,
        capabilities=capabilities_by_default(provider),
        source=where,
    )


def _path_name(model_id: str) -> str:
    """Return the last part of an existing path, else an empty string."""
    path = Path(model_id).expanduser()
    return path.resolve().name if path.exists() else ""
