"""One task with several prompts, on several datasets: a task for each combination.

`NAME.matrix.toml` names a card, prompts as files or texts, and, if wanted, data files.
A prompt file is a template; it may begin with keys of a card between lines of `+++`,
such as a system message or a temperature that belong to the prompt.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from llmlab_pytest.core import TEXT, TEXTS, ConfigError, Json, Kind, TomlFile
from llmlab_pytest.tasks._card import load_card, override
from llmlab_pytest.tasks._card_data import source_named
from llmlab_pytest.tasks._task import DataSource, Task

SUFFIX = ".matrix.toml"
PROMPTS_OF = "prompts_of"
"""Factor of a plan: the task that its prompt is one of several of."""
_FENCE = "+++"


def _is_prompts(value: object) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(isinstance(text, str) for text in value.values())
    is_list = isinstance(value, list) and bool(value)
    return is_list and all(isinstance(name, str) for name in cast("list[Any]", value))


_PROMPTS = Kind("a list of files, or a table of texts", _is_prompts)
_KEYS = {"task": TEXT, "prompts": _PROMPTS, "data": TEXTS}


def load_matrix(path: Path, find: Callable[[str], Path]) -> tuple[Task, ...]:
    """Return a task for each prompt and dataset, in the order of the file.

    Args:
        path: of the file.
        find: gives the card of a registered task's name.

    Raises:
        ConfigError: a key is unknown or missing, no file matches, or a prompt is wrong;
            names file and line.
    """
    file = TomlFile(path)
    file.check_top_level(_KEYS)
    for key in ("task", "prompts"):
        if key not in file.data:
            raise ConfigError(
                f"{path}: {key!r} is missing.",
                allowed="It has the keys 'task', 'prompts' and, if wanted, 'data'.",
            )
    given = str(file.data["task"])
    card = load_card(path.parent / given if given.endswith(".toml") else find(given))
    stem = path.name.removesuffix(SUFFIX)
    prompts = _prompts(file.data["prompts"], path)
    datasets = cast("Sequence[str]", file.data.get("data", ()))
    return tuple(
        _task(card, f"{stem}-{name}", settings, where, rows)
        for name, settings, where in prompts
        for rows in _sources(path, datasets)
    )


def _task(
    card: Task,
    name: str,
    settings: Mapping[str, Json],
    where: str,
    data: tuple[str, DataSource] | None,
) -> Task:
    # The same samples for each prompt, also where a subset is drawn.
    task = override(card, where=where, **settings).with_changes(drawn_as=card.name)
    if data is None:
        return task.with_changes(name=name)
    rows, source = data
    return task.with_changes(name=f"{name}-{rows}", data=source)


def _sources(
    path: Path, datasets: Sequence[str]
) -> list[tuple[str, DataSource] | None]:
    """Return the datasets by name; `None` for the card's own."""
    if not datasets:
        return [None]
    sources = [source_named(name, path.parent, where=str(path)) for name in datasets]
    return [(_named(source, n), source) for n, source in enumerate(sources, start=1)]


def _named(source: DataSource, number: int) -> str:
    """Return the name of a dataset: its file's, or for a query its number."""
    if source.hub is not None:
        return source.hub.file.rpartition("/")[2].partition(".")[0]
    return (
        f"query{number}" if source.file is None else source.file.name.partition(".")[0]
    )


def _prompts(given: Json, path: Path) -> list[tuple[str, dict[str, Json], str]]:
    """Return name, settings and place of each prompt."""
    if isinstance(given, Mapping):
        return [
            (name, {"prompt": text}, f"{path} (prompt {name})")
            for name, text in given.items()
        ]
    found: list[tuple[str, dict[str, Json], str]] = []
    for pattern in cast("Sequence[str]", given):
        files = sorted(path.parent.glob(pattern))
        if not files:
            raise ConfigError(
                f"{path}: no prompt matches {pattern!r}.",
                fix=f"It is looked for below {path.parent}.",
            )
        found += [
            (file.name.partition(".")[0], _read(file), str(file)) for file in files
        ]
    _check_names([name for name, *_ in found], path)
    return found


def _check_names(names: Sequence[str], path: Path) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigError(
            f"{path}: several prompts are called {', '.join(sorted(twice))}.",
            allowed="The name of a file without its endings names its prompt.",
        )


def _read(file: Path) -> dict[str, Json]:
    """Return the settings of a prompt file, its template among them."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"The prompt {file} cannot be read: {error}.", fix="Correct the file."
        ) from error
    first, _, rest = text.partition("\n")
    if first.rstrip() != _FENCE:
        return {"prompt": text.rstrip("\n")}
    head, fence, template = f"\n{rest}".partition(f"\n{_FENCE}\n")
    if not fence:
        raise ConfigError(
            f"{file}:1 begins with {_FENCE}, and nothing ends it.",
            fix=f"Put a line {_FENCE} behind its settings.",
        )
    return {**_settings(head, file), "prompt": template.rstrip("\n")}


def _settings(head: str, file: Path) -> dict[str, Any]:
    try:
        settings = tomllib.loads(head)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{file}: the settings are no TOML: {error}.",
            allowed="They are keys of a task card.",
        ) from error
    if "prompt" in settings:
        raise ConfigError(
            f"{file}: the settings hold a prompt.",
            allowed=f"The prompt is what follows the second {_FENCE}.",
        )
    return settings
