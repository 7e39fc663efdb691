"""Rows of a file, a database or the hub, each with the place where it stands."""

from collections.abc import Callable
from pathlib import Path

from llmlab_pytest.core import load
from llmlab_pytest.tasks._rows import Row, plain_row, read_rows
from llmlab_pytest.tasks._task import DataSource, HubFile, Query


def read_source(data: DataSource) -> list[tuple[str, Row]]:
    """Return the rows of a source that is neither rows nor splits.

    Raises:
        DataError: it cannot be read; names file and line.
        DataUnavailable: the hub does not give the file.
    """
    if data.query is not None:
        ask: Callable[[Query], list[Row]]
        ask = load("llmlab_pytest.tasks._database:rows_of")
        rows = ask(data.query)
        placed = ((f"row {n} of the query", row) for n, row in enumerate(rows))
        return [(place, plain_row(row, place)) for place, row in placed]
    if data.hub is not None:
        download: Callable[[HubFile], Path]
        download = load(
            "llmlab_pytest.tasks._hub:download", extra="benchmarks", needed_by="hf:"
        )
        return read_rows(download(data.hub))
    return read_rows(data.file or Path())
