"""One row per sample as Parquet: the columns of the CSV, typed, with texts whole.

pyarrow is addressed by string, as it takes a second to import. A text that is no
Unicode, such as half a surrogate pair, has its escapes; secrets are replaced.
"""

import io
from collections.abc import Iterable, Iterator
from typing import Any

from llmlab_pytest.core import Report, load, redactor
from llmlab_pytest.reporting._csv import COLUMNS, values_of
from llmlab_pytest.reporting._samples import Hide, TaskSamples

_PART = 2000
"""Rows of a row group, which are in memory at a time."""
_NUMBERS = {
    "epoch": "int64",
    "input_tokens": "int64",
    "output_tokens": "int64",
    "score": "float64",
    "cost_usd": "float64",
    "latency_s": "float64",
}
_OPTION = "--llmlab-parquet"


def render_parquet(report: Report, tables: Iterable[TaskSamples]) -> Iterator[bytes]:
    """Yield the file in parts.

    Raises:
        MissingDependency: pyarrow is not installed.
    """
    arrow = load("pyarrow", extra="benchmarks", needed_by=_OPTION)
    schema = arrow.schema(
        [(name, getattr(arrow, _NUMBERS.get(name, "string"))()) for name in COLUMNS]
    )
    sink = _Parts()
    writer_of = load("pyarrow.parquet:ParquetWriter", extra="benchmarks")
    with writer_of(sink, schema, compression="zstd") as writer:
        for rows in _parts(_rows(report, tables)):
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
            yield sink.taken()
    yield sink.taken()


class _Parts(io.RawIOBase):
    """Takes what is written until somebody fetches it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Return that it can be written."""
        return True

    def write(self, data: Any) -> int:
        """Keep a part."""
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Return and forget what was written."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def _parts(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    for row in rows:
        part.append(row)
        if len(part) == _PART:
            yield part
            part = []
    if part:
        yield part


def _rows(report: Report, tables: Iterable[TaskSamples]) -> Iterator[dict[str, Any]]:
    hide = redactor()
    for table in tables:
        for record in table.records:
            values = {"run_id": report.run_id, **values_of(record)}
            yield {name: _value(value, hide) for name, value in values.items()}


def _value(value: str | float | None, hide: Hide) -> str | float | None:
    if not isinstance(value, str):
        return value
    return hide(value).encode("utf-8", "backslashreplace").decode()
