"""Task cards and task marks: the same keys, checked the same way."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

from llmlab_pytest.core import (
    AMOUNT,
    COUNT,
    FLAG,
    TABLE,
    TEXT,
    TEXTS,
    ConfigError,
    Json,
    Kind,
    TomlFile,
    check_value,
)
from llmlab_pytest.prompts import ChatMode
from llmlab_pytest.tasks._card_data import data_of, source_named, table_of
from llmlab_pytest.tasks._covers import COVERS, covers_of
from llmlab_pytest.tasks._row_formats import FORMATS, MESSAGES
from llmlab_pytest.tasks._rows import load_rows, plain_row
from llmlab_pytest.tasks._task import DataSource, Demonstrations, Task

_ANY_TEXT = Kind("a string", lambda value: isinstance(value, str))
_ONE_OR_MORE = Kind(
    "a string or a list of strings", lambda v: isinstance(v, str) or TEXTS.accepts(v)
)
_SCORERS = Kind(
    "a list of names, or of tables with a name",
    lambda value: (
        isinstance(value, list) and all(isinstance(item, (str, dict)) for item in value)
    ),
)
_FILE_OR_TABLE = Kind(
    "a file name, or a table of splits", lambda v: isinstance(v, (str, dict))
)


class _Key(NamedTuple):
    kind: Kind
    field: str
    convert: Callable[[Any], Any] = lambda value: value


def _one_or_more(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


_KIND = Kind(
    "'generate', 'loglikelihood' or 'perplexity'",
    lambda value: value in ("generate", "loglikelihood", "perplexity"),
)
_LIMIT = Kind("a whole number, at least 0", lambda v: type(v) is int and v >= 0)
_FORMAT = Kind(
    f"one of {', '.join(map(repr, FORMATS))}", lambda value: value in FORMATS
)
_CHAT = Kind(
    "true, false, 'off', 'joined' or 'multiturn'",
    lambda v: isinstance(v, bool) or v in get_args(ChatMode),
)
_CHAT_MODES: dict[object, ChatMode] = {
    True: "multiturn",
    False: "off",
    **{mode: mode for mode in get_args(ChatMode)},
}


KEYS: dict[str, _Key] = {
    "name": _Key(TEXT, "name"),
    "version": _Key(TEXT, "version"),
    "reference": _Key(TEXT, "reference"),
    "licence": _Key(TEXT, "licence"),
    "kind": _Key(_KIND, "kind"),
    "format": _Key(_FORMAT, "format"),
    "prompt": _Key(_ANY_TEXT, "prompt"),
    "messages": _Key(TEXT, "messages"),
    "contexts": _Key(_ANY_TEXT, "contexts", lambda text: text or None),
    "system": _Key(_ANY_TEXT, "system"),
    "description": _Key(_ANY_TEXT, "description"),
    "chat": _Key(_CHAT, "chat", _CHAT_MODES.__getitem__),
    "id": _Key(TEXT, "id"),
    "target": _Key(TEXT, "target"),
    "choices": _Key(TEXT, "choices"),
    "unconditional": _Key(FLAG, "has_unconditional"),
    "target_delimiter": _Key(_ANY_TEXT, "target_delimiter"),
    "demonstration_delimiter": _Key(_ANY_TEXT, "demonstration_delimiter"),
    "shots": _Key(_LIMIT, "shots"),
    "max_tokens": _Key(COUNT, "max_tokens"),
    "temperature": _Key(AMOUNT, "temperature"),
    "stop": _Key(_ONE_OR_MORE, "stop", _one_or_more),
    "scorers": _Key(_SCORERS, "scorers", tuple),
    "metrics": _Key(TEXTS, "metrics", tuple),
    "gate": _Key(_ONE_OR_MORE, "gates", _one_or_more),
    "epochs": _Key(COUNT, "epochs"),
    "limit": _Key(_LIMIT, "limit"),
    "stratify": _Key(TEXT, "stratify"),
    "group": _Key(TEXT, "group"),
    "cluster": _Key(TEXT, "cluster"),
    "covers": _Key(COVERS, "covers", covers_of),
}
_PERPLEXITY_SCORERS = ("nats_per_word", "nats_per_byte", "nats_per_token")
_PERPLEXITIES = (
    "word_perplexity",
    "byte_perplexity",
    "bits_per_byte",
    "token_perplexity",
)
_TABLES = {
    "data": _FILE_OR_TABLE,
    "demonstrations": TABLE,
    "groups": TABLE,
    "compat": TABLE,
}
_TABLE_OR_FALSE = Kind("a table, or false", lambda v: v is False or isinstance(v, dict))
_SAMPLERS = ("random", "first", "shuffled")
_SAMPLER = Kind("'random', 'first' or 'shuffled'", lambda value: value in _SAMPLERS)
_DEMONSTRATIONS = {
    "split": TEXT,
    "file": TEXT,
    "sampler": _SAMPLER,
    "pool_may_hold_row": FLAG,
    "same": TEXT,
    "answer": TEXT,
}


def load_card(path: Path) -> Task:
    """Read a task card.

    Raises:
        ConfigError: a key is unknown, missing or of the wrong kind; names the line.
    """
    file = TomlFile(path)
    kinds = {name: key.kind for name, key in KEYS.items()} | _TABLES
    file.check_top_level(kinds)
    fields = _fields(file.data)
    fields.setdefault("name", _stem(path))
    data = file.data.get("data", f"{_stem(path)}.jsonl")
    fields["data"] = data_of(data, file, path.parent)
    if "demonstrations" in file.data:
        given = cast("dict[str, Json]", file.data["demonstrations"])
        place = file.top_level("demonstrations")
        fields["demonstrations"] = _demonstrations(given, place, path.parent)
    if "groups" in file.data:
        given = cast("dict[str, Json]", file.data["groups"])
        fields["groups"] = _groups(given, file.top_level("groups"))
    if "compat" in file.data:
        place = file.top_level("compat")
        tables = cast("dict[str, Json]", file.data["compat"])
        fields["modes"] = {name: _mode(name, t, place) for name, t in tables.items()}
    return _checked(Task(**fields, where=str(path)))


def task_from_spec(
    *,
    name: str,
    base_dir: Path,
    where: str,
    data: str | Path | Sequence[Mapping[str, Json]] | None = None,
    **settings: Any,
) -> Task:
    """Build a task from the arguments of a mark.

    Args:
        name: of the task.
        base_dir: what a relative data file is relative to.
        where: the mark, for messages.
        data: a file or rows.
        settings: keys of a task card.

    Raises:
        ConfigError: `data` is missing, or a key is unknown or of the wrong kind.
        DataError: a row holds what JSON cannot.
    """
    settings = {key: _plain(value) for key, value in settings.items()}
    _check(settings, where)
    if data is None:
        raise ConfigError(
            f"The task {name!r} in {where} has no data.",
            fix='Add data="rows.jsonl" or a list of rows, or name a registered task.',
        )
    if isinstance(data, (str, Path)):
        source = source_named(str(data), base_dir, where=where)
    else:
        rows = (plain_row(row, f"{where}, row {n}") for n, row in enumerate(data))
        source = DataSource(rows=tuple(rows))
    fields = {"name": name, **_fields(settings)}
    return _checked(Task(**fields, data=source, where=where))


def override(task: Task, *, where: str, **settings: Any) -> Task:
    """Return a task with some keys of its card replaced.

    Raises:
        ConfigError: a key is unknown or of the wrong kind.
    """
    settings = {key: _plain(value) for key, value in settings.items()}
    _check(settings, where)
    return _checked(task.with_changes(**_fields(settings)))


def _check(settings: Mapping[str, Json], where: str) -> None:
    kinds = {name: key.kind for name, key in KEYS.items()}
    for name, value in settings.items():
        check_value(name, value, kinds, what="key", place=where)


def _mode(name: str, given: Json, place: str) -> dict[str, Any]:
    """Return what a compat mode changes, as fields of the task."""
    check_value(name, given, {name: TABLE}, what="mode", place=place)
    place = f"{place} (mode {name})"
    table = dict(cast("dict[str, Json]", given))
    drawn = table.pop("demonstrations", {})
    kinds = {"demonstrations": _TABLE_OR_FALSE}
    check_value("demonstrations", drawn, kinds, what="key", place=place)
    _check(table, place)
    changes = _fields(table)
    if isinstance(drawn, dict) and drawn:
        changes["demonstrations"] = table_of(drawn, _DEMONSTRATIONS, place)
    elif drawn is False:
        changes["demonstrations"] = None
    return changes


def _fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        key.field: key.convert(settings[name])
        for name, key in KEYS.items()
        if name in settings
    }
    if settings.get("format") in MESSAGES and not {"prompt", "messages"} & {*fields}:
        fields["messages"] = "messages"
    return fields


def _plain(value: object) -> Any:
    """Turn tuples into lists, so that marks and cards hold the same kinds."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _checked(task: Task) -> Task:
    if task.shots and task.demonstrations is None:
        raise ConfigError(
            f"The task {task.name!r} in {task.where} has shots = {task.shots} "
            "and no [demonstrations].",
            fix="Say where demonstrations come from, or set shots = 0.",
        )
    if task.groups and task.group is None:
        raise ConfigError(
            f"The task {task.name!r} in {task.where} has [groups] and no 'group'.",
            fix="Say what a sample's part is, e.g. group = 'subject'.",
        )
    if task.messages is not None and (
        task.kind != "generate" or task.prompt != Task.prompt
    ):
        raise ConfigError(
            f"The task {task.name!r} in {task.where} has messages, and a prompt or the "
            f"kind {task.kind!r}.",
            allowed="Messages are asked instead of a prompt, by tasks that generate.",
        )
    for name, is_set in (
        ("contexts", task.contexts is not None),
        ("unconditional", task.has_unconditional),
    ):
        if is_set and task.kind != "loglikelihood":
            raise ConfigError(
                f"The task {task.name!r} in {task.where} has {name} "
                f"and the kind {task.kind!r}.",
                allowed=f"Only tasks of the kind 'loglikelihood' have {name}.",
            )
    if task.contexts is not None and task.has_unconditional:
        raise ConfigError(
            f"The task {task.name!r} in {task.where} has contexts and unconditional.",
            allowed="The text behind several contexts is one: without them there is "
            "nothing to compare.",
        )
    return _checked_perplexity(task) if task.kind == "perplexity" else task


def _checked_perplexity(task: Task) -> Task:
    """Refuse what a whole text does not have; show all perplexities by default."""
    if task.shots or task.description or task.system is not None:
        raise ConfigError(
            f"The task {task.name!r} in {task.where} has shots, a description or a "
            "system message, and the kind 'perplexity'.",
            allowed="Its prompt is the whole text that is scored.",
        )
    if task.scorers:
        return task
    return task.with_changes(
        scorers=_PERPLEXITY_SCORERS, metrics=task.metrics or _PERPLEXITIES
    )


def _stem(path: Path) -> str:
    if path.name == "task.toml":
        return path.parent.name
    return path.name.removesuffix(".task.toml")


def _demonstrations(
    given: Mapping[str, Json], place: str, folder: Path
) -> Demonstrations:
    """Return where demonstrations come from; a file is read, for it is hashed."""
    table = table_of(given, _DEMONSTRATIONS, place)
    if ("split" in table) == ("file" in table):
        raise ConfigError(
            f"{place}: give 'split' or 'file', one of them.",
            allowed="A split of the data is drawn from; a file beside the card holds "
            "demonstrations that belong to the benchmark itself.",
        )
    if "file" in table:
        table["rows"] = tuple(load_rows(folder / table.pop("file")))
    return Demonstrations(**table)


def _groups(given: Mapping[str, Json], place: str) -> dict[str, tuple[str, ...]]:
    table = table_of(given, dict.fromkeys(given, TEXTS), place)
    named = [part for parts in table.values() for part in parts]
    for part in named:
        if named.count(part) > 1:
            raise ConfigError(
                f"{place}: the part {part!r} is named {named.count(part)} times.",
                allowed="Each part of a task is in one group.",
            )
    return {name: tuple(parts) for name, parts in table.items()}
