"""Two settings of one task, and those between them that differ from the first in one.

`NAME.explain.toml` says which card, and which of its keys the two settings give other
values. Why two numbers differ is then measured: each factor is changed alone, starting
from the first setting.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from llmlab_pytest.core import TABLE, TEXT, ConfigError, Json, TomlFile
from llmlab_pytest.tasks._card import load_card, override
from llmlab_pytest.tasks._task import DEFAULT_MODE, Setting, Task, in_mode

SUFFIX = ".explain.toml"
FIRST, LAST = "from", "to"
_KEYS = {"task": TEXT, FIRST: TABLE, LAST: TABLE}


def load_explanation(path: Path, find: Callable[[str], Path]) -> tuple[Task, ...]:
    """Return the settings as tasks: the first, one per factor, the second.

    Args:
        path: of the file.
        find: gives the card of a registered task's name.

    Raises:
        ConfigError: a key is unknown or missing, or the settings do not differ.
    """
    file = TomlFile(path)
    file.check_top_level(_KEYS)
    given = file.data.get("task")
    if not isinstance(given, str):
        raise ConfigError(
            f"{path}: 'task' is missing.",
            allowed="It names a registered task, or the path of a card.",
        )
    card = load_card(path.parent / given if given.endswith(".toml") else find(given))
    first = cast("dict[str, Json]", file.data.get(FIRST, {}))
    last = cast("dict[str, Json]", file.data.get(LAST, {}))
    factors = [k for k in {**first, **last} if first.get(k) != last.get(k)]
    if not factors:
        raise ConfigError(
            f"{path}: the settings [{FIRST}] and [{LAST}] do not differ.",
            allowed="They hold keys of a task card, and 'compat'.",
        )
    between = {factor: _changed(first, last, factor) for factor in factors}
    settings = {FIRST: first, **between, LAST: last}
    name = path.name.removesuffix(SUFFIX)
    found = []
    for place, (changes, values) in enumerate(settings.items()):
        setting = Setting(explanation=name, changes=changes, place=place)
        found.append(_task(card, values, setting, str(path)))
    return tuple(found)


def _changed(
    first: Mapping[str, Json], last: Mapping[str, Json], factor: str
) -> dict[str, Json]:
    """Return the first setting with one factor of the last, or without it."""
    kept = {name: value for name, value in first.items() if name != factor}
    return kept | ({factor: last[factor]} if factor in last else {})


def _task(card: Task, values: Mapping[str, Any], setting: Setting, where: str) -> Task:
    others = {name: value for name, value in values.items() if name != "compat"}
    task = in_mode(card, str(values.get("compat", DEFAULT_MODE)))
    task = override(task, where=f"{where} ({setting.changes})", **others)
    name = f"{setting.explanation}-{setting.changes}"
    return task.with_changes(name=name, gates=(), setting=setting, drawn_as=card.name)
