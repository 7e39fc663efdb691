"""`--llmlab-parquet`: a run as a data frame."""

import csv
import io
import json

import pytest

from llmlab_pytest.core import (
    Report,
    SampleRecord,
    SampleResult,
    TaskPlan,
    TaskRow,
    Usage,
)
from llmlab_pytest.reporting import TaskSamples, render_parquet

SUITE = """
from llmlab_pytest import llm_task

ROWS = [{"id": f"s{n}", "input": "say 4" if n else "=1+1", "target": "4"}
        for n in range(3)]


@llm_task(data=ROWS, scorers=["numeric"])
def test_sums(score): ...
"""


def test_rows_equal_those_of_the_csv_but_typed_and_whole(
    pytester: pytest.Pytester,
) -> None:
    """Numbers are numbers, and no text is changed for a spreadsheet."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pytester.makepyfile(test_it=SUITE)
    result = pytester.runpytest_subprocess(
        *("-pno:cacheprovider", "--llm=scripted"),
        *("--llmlab-parquet=run.parquet", "--llmlab-csv=run.csv"),
    )
    result.stdout.fnmatch_lines(["--llmlab-parquet wrote run.parquet"])
    frame = pandas.read_parquet(pytester.path / "run.parquet")
    with (pytester.path / "run.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(frame.columns) == list(rows[0])
    assert list(frame["sample_id"]) == [row["sample_id"] for row in rows]
    assert list(frame["score"]) == [float(row["score"]) for row in rows]
    assert frame["input_tokens"].dtype == "int64"
    assert frame["prompt"][0] == "user: =1+1"
    assert [json.loads(text) for text in frame["scores"]] == [
        {"numeric": value} for value in frame["score"]
    ]


def test_half_a_surrogate_pair_and_many_rows_are_written() -> None:
    """Several row groups; what is no Unicode has its escape."""
    parquet = pytest.importorskip("pyarrow.parquet")
    records = [
        SampleRecord(
            result=SampleResult(
                task="t", model="m", sample_id=f"{n}\ud800", error="key sk-" + "a" * 20
            )
        )
        for n in range(4001)
    ]
    row = TaskRow(
        plan=TaskPlan(task="t", model="m", planned=1, available=1),
        metrics=(),
        samples=1,
        misses=None,
        errors=1,
        usage=Usage(),
        cost_usd=None,
        latency_p50_s=None,
        latency_p95_s=None,
        tokens_per_s=None,
    )
    tables = [TaskSamples(row=row, stratified_by="", strata=(), records=records)]
    data = b"".join(render_parquet(Report(run_id="r", rows=(row,)), tables))
    file = parquet.ParquetFile(io.BytesIO(data))
    assert file.num_row_groups == 3
    table = file.read()
    assert table["sample_id"][4000].as_py() == "4000\\ud800"
    assert table["error"][0].as_py() == "key [redacted]"
    assert table["cost_usd"].null_count == 4001
