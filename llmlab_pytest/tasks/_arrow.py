"""Parquet and Arrow files as rows; addressed lazily, pyarrow is a heavy import."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import ipc, parquet

from llmlab_pytest.core import DataError


def read_parquet(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file.

    Raises:
        DataError: the file is missing or not Parquet.
    """
    try:
        return list(parquet.read_table(path).to_pylist())
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"Cannot read the data file {str(path)!r}: {error}.",
            fix="Replace the file; it is missing, damaged or of another kind.",
        ) from error


def read_arrow_stream(content: bytes, name: str) -> list[dict[str, Any]]:
    """Return the rows of an Arrow stream, the format of a `datasets` cache.

    Raises:
        DataError: the content is not such a stream.
    """
    try:
        with ipc.open_stream(io.BytesIO(content)) as reader:
            return list(reader.read_all().to_pylist())
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"Cannot read {name!r} of the wheel: {error}.",
            fix="Remove the wheel from the cache, so that it is downloaded again.",
        ) from error
