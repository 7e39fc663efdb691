"""The entry of an ensemble: several models of the registry that answer as one.

`members`, `rule`, `judge` and `answer` are keys of its `[[model]]` table. Its members
are looked up when it is chosen, so that they may stand anywhere, also in other files.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from llmlab_pytest.core import (
    TEXT,
    TEXTS,
    Capability,
    ConfigError,
    Json,
    Kind,
    ModelSpec,
    TomlFile,
)
from llmlab_pytest.providers._catalog import ENSEMBLE

MAJORITY, BY_JUDGE = "majority", "judge"
_RULES = (MAJORITY, BY_JUDGE)
ENSEMBLE_KINDS = {
    "members": TEXTS,
    "rule": Kind("'majority' or 'judge'", lambda v: v in _RULES),
    "judge": TEXT,
    "answer": TEXT,
}
_LEAST = 2
_SHARED: frozenset[Capability] = frozenset(
    {"chat", "completion", "images", "json_schema", "seed"}
)
"""What an ensemble can do if all of its members can: likelihoods of several models are
not to be voted on, and neither are calls of tools."""
_PRICED = "input_usd_per_million_tokens"


def ensemble_entry(
    file: TomlFile, index: int, table: Mapping[str, Json]
) -> dict[str, Any]:
    """Return an entry with the ensemble's keys among its options, and an id.

    Raises:
        ConfigError: a key is missing, is one of ensembles alone, or does not go with
            the rule; names file and line.
    """
    given = {key: table[key] for key in ENSEMBLE_KINDS if key in table}
    if table.get("provider") != ENSEMBLE:
        for key in given:
            raise ConfigError(
                f"{file.place(index, key)}: {key!r} is a key of ensembles.",
                fix=f"Write provider = {ENSEMBLE!r}, or leave it out.",
            )
        return dict(table)
    _check(file, index, table)
    rule = given.setdefault("rule", MAJORITY)
    members = ", ".join(cast("list[str]", given["members"]))
    entry = {key: value for key, value in table.items() if key not in given}
    entry["id"] = table.get("id", f"{rule} of {members}")
    entry["options"] = given
    entry.setdefault("capabilities", [])  # those of its members
    return entry


def _check(file: TomlFile, index: int, table: Mapping[str, Json]) -> None:
    place = file.place(index)
    if len(cast("list[str]", table.get("members", []))) < _LEAST:
        raise ConfigError(
            f"{place}: the ensemble has fewer than {_LEAST} members.",
            allowed="members = [...] names models of the registry, also one of them "
            "several times.",
        )
    if (table.get("rule") == BY_JUDGE) != ("judge" in table):
        raise ConfigError(
            f"{place}: rule is {table.get('rule', MAJORITY)!r}, and judge is "
            f"{table.get('judge')!r}.",
            allowed="A judge goes with rule = 'judge', and with no other.",
        )
    if "answer" in table and table.get("rule") == BY_JUDGE:
        raise ConfigError(
            f"{file.place(index, 'answer')}: 'answer' is set, and a judge decides.",
            allowed="It finds what a majority votes on.",
        )
    _check_pattern(file, index, str(table.get("answer", "")))
    for key in ("options", _PRICED):
        if key in table:
            raise ConfigError(
                f"{file.place(index, key)}: {key!r} is set for an ensemble.",
                allowed="Each member has options and a price of its own.",
            )


def _check_pattern(file: TomlFile, index: int, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"{file.place(index, 'answer')}: {pattern!r} is no regular expression: "
            f"{error}.",
            fix="Correct it; in TOML, 'single quotes' keep backslashes.",
        ) from error


def with_members(spec: ModelSpec, find: Callable[[str, str], ModelSpec]) -> ModelSpec:
    """Return an ensemble with the specs of its members, and of its judge.

    Args:
        spec: as its entry has it.
        find: gives the model of an alias; takes the place that names it, too.
        declared: whether the entry states capabilities.

    Raises:
        ConfigError: a member is unknown, or an ensemble itself, or the entry declares
            more than all members can do.
    """
    where = spec.source or f"the ensemble {spec.alias!r}"
    if not isinstance(spec.options.get("members"), list):
        raise ConfigError(
            f"{where}: the ensemble has no members.",
            allowed="It is an entry of llmlab_models.toml with members = [...].",
        )
    names = member_names(spec)
    judge = spec.options.get("judge")
    wanted = [*names, *([str(judge)] if judge is not None else [])]
    found = {name: find(name, where) for name in dict.fromkeys(wanted)}
    for name, member in found.items():
        if member.provider == ENSEMBLE:
            raise ConfigError(
                f"{where}: the member {name!r} is an ensemble itself.",
                allowed="Members are single models.",
            )
    able = frozenset.intersection(*(found[name].capabilities for name in names))
    if more := sorted(spec.capabilities - (able & _SHARED)):
        raise ConfigError(
            f"{where}: {spec.alias!r} declares {', '.join(more)}.",
            allowed=f"All members have: {', '.join(sorted(able & _SHARED)) or 'none'}.",
        )
    capabilities = spec.capabilities or able & _SHARED
    return replace(spec, members=tuple(found.values()), capabilities=capabilities)


def member_names(spec: ModelSpec) -> list[str]:
    """Return the aliases of an ensemble's members, in the order of its entry."""
    return cast("list[str]", spec.options["members"])
