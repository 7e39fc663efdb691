"""One `[[model]]` table of a registry file, checked and turned into a `ModelSpec`."""

import re
from collections.abc import Mapping
from typing import Any, cast

from llmlab_pytest.core import (
    AMOUNT,
    CAPABILITIES,
    COUNT,
    DECODING,
    FLAG,
    TABLE,
    TEXT,
    TEXTS,
    ConfigError,
    Json,
    ModelSpec,
    TomlFile,
    check_value,
    unknown_name,
)
from llmlab_pytest.providers._catalog import capabilities_by_default
from llmlab_pytest.providers._ensemble_entry import ENSEMBLE_KINDS, ensemble_entry

ALIAS = re.compile(r"[A-Za-z0-9._-]+")
"""What an alias may look like: safe in test ids, shells and file names."""

ENTRY_KINDS = {
    "alias": TEXT,
    "provider": TEXT,
    "id": TEXT,
    "capabilities": TEXTS,
    "groups": TEXTS,
    "defaults": TABLE,
    "options": TABLE,
    "input_usd_per_million_tokens": AMOUNT,
    "output_usd_per_million_tokens": AMOUNT,
    "cached_input_usd_per_million_tokens": AMOUNT,
    "context_tokens": COUNT,
    "licence": TEXT,
    "card": TEXT,
    "replace": FLAG,
    **ENSEMBLE_KINDS,
}
_DEFAULTS = {**DECODING, "stream": FLAG}
_REQUIRED = ("alias", "provider", "id")
_CACHED = "cached_input_usd_per_million_tokens"
_PRICES = ("input_usd_per_million_tokens", "output_usd_per_million_tokens")


def read_entry(
    file: TomlFile, index: int, table: dict[str, Json], *, providers: Mapping[str, Any]
) -> ModelSpec:
    """Turn the `index`-th table of a registry file into a spec.

    An `id` that starts with `./` or `../` is relative to the file, as `card` is.

    Raises:
        ConfigError: a key is unknown, missing or wrong; names file and line.
    """
    file.check_table(index, table, ENTRY_KINDS)
    table = ensemble_entry(file, index, table)
    for key in _REQUIRED:
        if key not in table:
            msg = f"{file.place(index)}: the entry has no {key!r}."
            raise ConfigError(msg, allowed=f"It needs {', '.join(_REQUIRED)}.")
    if len(stated := [key for key in _PRICES if key in table]) == 1:
        msg = f"{file.place(index, stated[0])}: the entry has {stated[0]!r} alone."
        raise ConfigError(msg, allowed=f"A price is both {' and '.join(_PRICES)}.")
    if _CACHED in table and not stated:
        msg = f"{file.place(index, _CACHED)}: the entry has {_CACHED!r} alone."
        raise ConfigError(msg, allowed=f"It goes with {' and '.join(_PRICES)}.")
    defaults = cast("dict[str, Json]", table.get("defaults", {}))
    for name, value in defaults.items():
        place = file.place(index, name)
        check_value(name, value, _DEFAULTS, what="default", place=place)
    entry = cast("dict[str, Any]", {**table, "id": _resolved_id(file, table)})
    entry.pop("replace", None)
    if "card" in entry:
        _check_card(file, index, entry["card"])
    default = capabilities_by_default(entry["provider"])
    entry["capabilities"] = frozenset(entry.get("capabilities", default))
    entry["groups"] = tuple(entry.get("groups", ()))
    spec = ModelSpec(**entry, source=file.place(index))
    _check_in_file(file, index, spec, providers)
    return spec


def check_spec(
    spec: ModelSpec, *, providers: Mapping[str, Any], places: Mapping[str, str]
) -> None:
    """Check what a spec names: alias, provider and capabilities.

    Args:
        spec: the entry.
        providers: the known ones, by name.
        places: where `alias`, `provider` and `capabilities` were written.

    Raises:
        ConfigError: one of them is malformed or unknown.
    """
    if not ALIAS.fullmatch(spec.alias):
        msg = f"{places['alias']}: the alias is {spec.alias!r}."
        raise ConfigError(msg, allowed="It takes letters, digits, '.', '_' and '-'.")
    if spec.provider not in providers:
        known = list(providers)
        where = places["provider"]
        raise unknown_name(
            kind="provider", name=spec.provider, known=known, where=where
        )
    for name in sorted(spec.capabilities - set(CAPABILITIES)):
        known = list(CAPABILITIES)
        where = places["capabilities"]
        raise unknown_name(kind="capability", name=name, known=known, where=where)


def _check_in_file(
    file: TomlFile, index: int, spec: ModelSpec, providers: Mapping[str, Any]
) -> None:
    named = ("alias", "provider", "capabilities")
    places = {key: file.place(index, key) for key in named}
    check_spec(spec, providers=providers, places=places)


def _resolved_id(file: TomlFile, table: dict[str, Json]) -> str:
    model_id = cast("str", table["id"])
    if model_id.startswith(("./", "../")):
        return str((file.path.parent / model_id).resolve())
    return model_id


def _check_card(file: TomlFile, index: int, card: str) -> None:
    path = file.path.parent / card
    if not path.is_file():
        msg = f"{file.place(index, 'card')}: the card {card!r} does not exist."
        raise ConfigError(msg, allowed=f"It is looked for at {str(path)!r}.")
