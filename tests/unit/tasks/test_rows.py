"""Rows from files: every form, and what is wrong said with its place."""

import datetime as dt
import decimal
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from llmlab_pytest.core import DataError, digest_of
from llmlab_pytest.tasks import load_rows
from llmlab_pytest.tasks._rows import plain_row, read_rows

ROWS = [{"id": "a", "input": "Größe?", "target": 1}, {"id": "b", "input": "\u2028\n"}]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3)
    ),
    max_leaves=6,
)


def _lines(*, ascii_only: bool = False, end: str = "\n") -> str:
    return "".join(json.dumps(row, ensure_ascii=ascii_only) + end for row in ROWS)


FORMS = {
    "rows.jsonl": _lines().encode(),
    "escaped.jsonl": _lines(ascii_only=True).encode(),
    "crlf.jsonl": _lines(end="\r\n").encode(),
    "bom.jsonl": b"\xef\xbb\xbf" + _lines().encode(),
    "blank-lines.jsonl": ("\n" + _lines(end="\n\n") + "  \n").encode(),
    "no-last-newline.jsonl": _lines().rstrip("\n").encode(),
    "rows.jsonl.gz": gzip.compress(_lines().encode()),
    "rows.json": json.dumps(ROWS, indent=1).encode(),
    "examples.json": json.dumps({"examples": ROWS}).encode(),
    "rows.json.gz": gzip.compress(json.dumps(ROWS).encode()),
}


@pytest.mark.parametrize("name", FORMS)
def test_same_rows_from_every_form(name: str, tmp_path: Path) -> None:
    """Line ends, byte order marks, gzip and U+2028 in a text change nothing."""
    path = tmp_path / name
    path.write_bytes(FORMS[name])
    assert load_rows(path) == ROWS


def test_place_is_the_line_of_the_file(tmp_path: Path) -> None:
    """Blank lines count: the place is the one an editor goes to."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n\n{"a": "\u2028"}\n{"a": 3}\n', encoding="utf-8")
    assert [place for place, _ in read_rows(path)] == [
        f"{path}:1",
        f"{path}:3",
        f"{path}:4",
    ]


def test_csv_keeps_quoted_newlines_and_long_cells(tmp_path: Path) -> None:
    """Cells are texts; a quoted one may hold newlines, quotes and a whole document."""
    path = tmp_path / "rows.csv"
    long = "x" * 200_000
    path.write_text(f'id,input\n1,"a\n""b"", c"\n2,{long}\n', encoding="utf-8")
    assert read_rows(path) == [
        (f"{path}:3", {"id": "1", "input": 'a\n"b", c'}),
        (f"{path}:4", {"id": "2", "input": long}),
    ]


def test_parquet_values_become_json(tmp_path: Path) -> None:
    """Dates, decimals and nested columns arrive as what JSON holds, and hash."""
    path = tmp_path / "rows.parquet"
    row = {
        "day": dt.date(2026, 1, 2),
        "at": dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC),
        "price": decimal.Decimal("1.50"),
        "tags": ["a", "b"],
        "inner": {"n": 1, "x": 0.5},
        "none": None,
    }
    parquet.write_table(pa.Table.from_pylist([row]), path)
    expected = {
        "day": "2026-01-02",
        "at": "2026-01-02T03:04:00+00:00",
        "price": "1.50",
        "tags": ["a", "b"],
        "inner": {"n": 1, "x": 0.5},
        "none": None,
    }
    assert load_rows(path) == [expected]
    assert digest_of(load_rows(path)) == digest_of([expected])


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (float("nan"), "field"),
        (float("-inf"), "field"),
        (b"\x89PNG", "field"),
        ("\ud83d", "field"),
        ([1, {"deep": b"x"}], "field[1], deep"),
        (object(), "field"),
    ],
    ids=["nan", "infinity", "bytes", "half-a-pair", "deep", "object"],
)
def test_value_that_no_json_holds_is_named(value: Any, place: str) -> None:
    """What could not be hashed or kept later is refused with row and field."""
    with pytest.raises(DataError, match="cannot be kept") as caught:
        plain_row({"fine": 1, "field": value}, "mark, row 3")
    assert f"mark, row 3, {place}:" in str(caught.value)


BAD = {
    "cut.jsonl": (b'{"a": 1}\n{"a": \n', ":2:7: not JSON"),
    "list.jsonl": (b'{"a": 1}\n\n[1]\n', ":3: not an object but [1]"),
    "number.jsonl": (b"3\n", ":1: not an object but 3"),
    "nan.jsonl": (b'{"a": 1}\n{"a": NaN}\n', ":2: not JSON: NaN"),
    "huge.jsonl": (b'{"a": 1e999}\n', ":1: not JSON: 1e999"),
    "half.jsonl": (b'{"a": 1}\n{"a": "\\ud83d"}\n', ":2: not JSON"),
    "deep.jsonl": (b'{"a": ' + b"[" * 100_000 + b"}\n", ":1: not JSON"),
    "latin1.jsonl": (b'{"a": 1}\n{"a": "\xe9"}\n', ":2: not UTF-8: byte 0xe9"),
    "nul.jsonl": (b'{"a": 1}\n\0\0\0\n', ":2:1: not JSON"),
    "blank.jsonl": (b"\n \n", "has no rows"),
    "empty.json": (b"", ":1:1: not JSON"),
    "object.json": (b'{"a": 1}', "not a list of objects"),
    "entry.json": (b'[{"a": 1}, 2]', "entry 1: not an object but 2"),
    "cut.json": (b'[\n{"a": 1},\n', "3:1: not JSON"),
    "wide.csv": (b"a,b\n1,2\n1,2,3\n", ":3: the row has not 2 fields"),
    "narrow.csv": (b"a,b\n1\n", ":2: the row has not 2 fields"),
    "quote.csv": (b'a,b\n"1,2\n', "not CSV"),
    "header.csv": (b"a,b\n", "has no rows"),
    "cut.jsonl.gz": (gzip.compress(_lines().encode())[:-9], "Cannot read the data"),
    "flip.jsonl.gz": (
        gzip.compress(b"x")[:11] + b"\xff\xff\xff",
        "Cannot read the data",
    ),
    "plain.jsonl.gz": (b'{"a": 1}\n', "Cannot read the data"),
    "rows.parquet": (b"PAR1", "Cannot read the data"),
    "rows.xlsx": (b"PK", "of an unknown kind"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file_names_its_place(name: str, tmp_path: Path) -> None:
    """Each fault is a DataError with path, line and what was seen."""
    content, said = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_rows(path)
    assert name in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["none.jsonl", "none.csv", "none.parquet"])
def test_missing_file_names_its_path(name: str, tmp_path: Path) -> None:
    """A file that is not there is named whole."""
    with pytest.raises(DataError) as caught:
        load_rows(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_folder_is_no_file(tmp_path: Path) -> None:
    """A directory of a file's name is an error, not a crash."""
    (tmp_path / "rows.jsonl").mkdir()
    with pytest.raises(DataError, match=r"rows\.jsonl"):
        load_rows(tmp_path / "rows.jsonl")


@given(st.lists(st.dictionaries(st.text("abc", min_size=1), JSON), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_json_rows_come_back(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Whatever JSON holds is read back equal, and passes as a mark's row too."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert load_rows(path) == rows
    assert [plain_row(row, "mark") for row in rows] == rows
