"""Rows from files; what is wrong with one is said with file and line."""

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from llmlab_pytest.core import DataError, Json, load
from llmlab_pytest.yaml_files import parse_yaml

Row = dict[str, Any]
csv.field_size_limit(1 << 30)  # a document in a cell is longer than 128 KiB


def load_rows(path: Path) -> list[Row]:
    """Read rows from `.jsonl`, `.json`, `.csv`, `.yaml` (also `.gz`) or `.parquet`.

    Raises:
        DataError: the file is missing, malformed or empty; names file and line.
    """
    return [row for _, row in read_rows(path)]


def read_rows(path: Path) -> list[tuple[str, Row]]:
    """Read rows as `load_rows` does, each with the place it was read: `file:line`."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        rows = list(_parquet_rows(path))
    elif name.endswith((".jsonl", ".json", ".csv", ".yaml", ".yml")):
        rows = list(_parse(name, _text(path), path))
    else:
        raise DataError(
            f"The data file {str(path)!r} is of an unknown kind.",
            allowed="Rows are read from .jsonl, .json, .csv, .yaml and .parquet.",
        )
    if not rows:
        raise DataError(
            f"The data file {str(path)!r} has no rows.", fix="Add at least one row."
        )
    return rows


def _parquet_rows(path: Path) -> Iterator[tuple[str, Row]]:
    rows: list[Row] = load(
        "llmlab_pytest.tasks._arrow:read_parquet",
        extra="benchmarks",
        needed_by=str(path),
    )(path)
    places = (f"{path}: row {number}" for number in range(len(rows)))
    for place, row in zip(places, rows, strict=True):
        yield place, plain_row(row, place)


def plain_row(row: Mapping[str, object], where: str) -> Row:
    """Return a row of what JSON holds: rows are hashed, kept and compared as JSON.

    Dates become ISO texts, decimals texts and tuples lists.

    Raises:
        DataError: a field holds what JSON cannot, e.g. bytes or NaN.
    """
    return {str(name): _plain(value, f"{where}, {name}") for name, value in row.items()}


def _plain(value: object, where: str) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        raise _no_json(value, where)
    if isinstance(value, str):
        return _encodable(value, where)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return _plain_list(value, where)
    if isinstance(value, Mapping):
        return plain_row(value, where)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise _no_json(value, where)


def _plain_list(values: Iterable[object], where: str) -> list[Json]:
    return [_plain(value, f"{where}[{n}]") for n, value in enumerate(values)]


def _encodable(text: str, where: str) -> str:
    """Refuse half of a surrogate pair: no file, hash or model can take it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _no_json(text, where) from error
    return text


def _no_json(value: object, where: str) -> DataError:
    return DataError(
        f"{where}: the value {_shown(value)} cannot be kept.",
        allowed="A field holds text, finite numbers, true, false, null, or lists and "
        "objects of them.",
        fix="Remove the field, or write it in another form.",
    )


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except FileNotFoundError as error:
        raise DataError(
            f"The data file {str(path)!r} does not exist.",
            fix="A task card reads the JSONL of its own name, or the one its key "
            "'data' names.",
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"Cannot read the data file {str(path)!r}: {error}.",
            fix="Correct the path or its permissions.",
        ) from error
    try:
        # A byte order mark is what Windows editors write; it is no part of the data.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}:{line}: not UTF-8: byte {content[error.start]:#04x}.",
            fix="Save the file as UTF-8.",
        ) from error


def _parse(name: str, text: str, path: Path) -> Iterator[tuple[str, Row]]:
    if name.endswith(".csv"):
        return _csv_rows(text, path)
    if name.endswith(".json"):
        return _json_rows(text, path)
    if name.endswith((".yaml", ".yml")):
        return _yaml_rows(text, path)
    return _jsonl_rows(text, path)


def _csv_rows(text: str, path: Path) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a table; what a spreadsheet leaves empty is none."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    for row in _csv_read(reader, path):
        place = f"{path}:{reader.line_num}"
        names = reader.fieldnames or ()
        _check_header(names, path)
        if None in row or None in row.values():
            raise DataError(
                f"{place}: the row has not {len(names)} fields.",
                allowed=f"The header names: {', '.join(names)}.",
            )
        if row.pop("", ""):
            raise DataError(
                f"{place}: a value stands in a column without a name.",
                fix="Name the column in the first line.",
            )
        if any(row.values()):
            yield place, row


def _check_header(names: Sequence[str], path: Path) -> None:
    for name in names:
        if name and names.count(name) > 1:
            raise DataError(
                f"{path}:1: the column {name!r} stands there twice.",
                fix="Rename one of the two.",
            )


def _yaml_rows(text: str, path: Path) -> Iterator[tuple[str, Row]]:
    root = parse_yaml(text, str(path), error=DataError)
    if not isinstance(root.value, list):
        raise DataError(
            f"{path}: not a list of objects but {_shown(root.value)}.",
            allowed="A .yaml file holds a list of mappings, each a row.",
        )
    for entry in root.entries():
        yield entry.where, plain_row(_object(entry.value, entry.where), entry.where)


def _csv_read(reader: "csv.DictReader[str]", path: Path) -> Iterator[Row]:
    try:
        yield from reader
    except csv.Error as error:
        raise DataError(
            f"{path}:{reader.line_num}: not CSV: {error}.", fix="Correct the line."
        ) from error


def _jsonl_rows(text: str, path: Path) -> Iterator[tuple[str, Row]]:
    # Only newlines end a line: splitlines() would also cut at U+2028 inside strings.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"{path}:{number}"
            yield place, _object(_decoded(line, path, number), place)


def _json_rows(text: str, path: Path) -> Iterator[tuple[str, Row]]:
    content = _decoded(text, path, 1)
    if isinstance(content, dict) and isinstance(content.get("examples"), list):
        content = content["examples"]
    if not isinstance(content, list):
        raise DataError(
            f"{path}: not a list of objects but {_shown(content)}.",
            allowed='A .json file holds a list, e.g. [{"input": "…", "target": "…"}].',
        )
    for number, value in enumerate(content):
        place = f"{path}: entry {number}"
        yield place, _object(value, place)


def _decoded(text: str, path: Path, line: int) -> Json:
    try:
        value: Json = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        if "\\ud" in text:  # half of a surrogate pair is no text
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        if not isinstance(error, json.JSONDecodeError):
            raise DataError(
                f"{path}:{line}: not JSON: {error}.", fix="Correct the line."
            ) from error
        place = f"{path}:{line + error.lineno - 1}:{error.colno}"
        raise DataError(
            f"{place}: not JSON: {error.msg}.",
            allowed='One object per line, e.g. {"input": "…", "target": "…"}.',
        ) from error
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number; write null")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _no_constant(digits)


def _object(value: Json, where: str) -> Row:
    if not isinstance(value, Mapping):
        raise DataError(
            f"{where}: not an object but {_shown(value)}.",
            allowed='A row is an object, e.g. {"input": "…", "target": "…"}.',
        )
    return dict(value)


def _shown(value: object) -> str:
    return repr(value)[:60]
