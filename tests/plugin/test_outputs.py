"""What a user keeps: files of a run, and an earlier run out of the store."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

SUITE = """
    from llmlab_pytest import llm_task

    ROWS = [
        {"id": f"s{n}", "input": "say 4" if n else "say 5", "target": "4", "k": n % 2}
        for n in range(4)
    ]

    @llm_task(data=ROWS, scorers=["numeric"], stratify="k", gate="numeric >= 0.1")
    def test_sums(score): ...

    def test_paris(llm):
        assert "Paris" in llm("Say Paris").text
"""
FILES = {
    "--llmlab-json": "kept/run.json",
    "--llmlab-html": "kept/run.html",
    "--llmlab-csv": "kept/run.csv",
    "--llmlab-markdown": "kept/run.md",
    "--llmlab-samples": "kept/run.jsonl",
    "--llmlab-inspect": "kept/inspect",
    "--llmlab-lm-eval": "kept/lm-eval",
}
ALL = [f"{flag}={name}" for flag, name in FILES.items()]


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-pno:cacheprovider", *arguments)


def judge(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return run(pytester, "--llm=scripted", *arguments)


def lines_of(pytester: pytest.Pytester) -> list[dict[str, Any]]:
    text = (pytester.path / FILES["--llmlab-samples"]).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def texts_of(folder: Path) -> dict[str, str]:
    """Return every file below a folder by its path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes().decode() for path in files}


def test_every_file_holds_every_sample(pytester: pytest.Pytester) -> None:
    """In the order of the dataset, behaviour tests included; said in the terminal."""
    pytester.makepyfile(test_it=SUITE)
    result = judge(pytester, *ALL)
    result.stdout.fnmatch_lines([f"{flag} wrote {FILES[flag]}" for flag in FILES])
    lines = lines_of(pytester)
    assert [line["sample_id"] for line in lines if line["task"] == "sums"] == [
        "s0",
        "s1",
        "s2",
        "s3",
    ]
    assert [line["outcome"] for line in lines] == ["miss", "hit", "hit", "hit", "hit"]
    with (pytester.path / FILES["--llmlab-csv"]).open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert [c["sample_id"] for c in cells] == [line["sample_id"] for line in lines]
    page = (pytester.path / FILES["--llmlab-html"]).read_text(encoding="utf-8")
    assert all(f'["{line["sample_id"]}",1,' in page for line in lines)
    assert "sums on scripted by k" in page
    (log,) = (pytester.path / FILES["--llmlab-inspect"]).iterdir()
    content = json.loads(log.read_text(encoding="utf-8"))
    assert [sample["id"] for sample in content["samples"]] == ["s0", "s1", "s2", "s3"]
    names = [path.name for path in (pytester.path / "kept/lm-eval/scripted").iterdir()]
    assert sorted(name.rpartition("_")[0] for name in names) == [
        "results",
        "samples_sums",
    ]


def test_parquet_holds_every_sample(pytester: pytest.Pytester) -> None:
    """The rows of the JSON lines, also of an earlier run; told in the terminal."""
    pytester.makepyfile(test_it=SUITE)
    files = ["--llmlab-parquet=kept/run.parquet", ALL[4]]
    result = judge(pytester, *files)
    result.stdout.fnmatch_lines(["--llmlab-parquet wrote kept/run.parquet"])
    frame = pd.read_parquet(pytester.path / "kept/run.parquet")
    lines = lines_of(pytester)
    assert list(frame["sample_id"]) == [line["sample_id"] for line in lines]
    assert list(frame["score"]) == [line["scores"][0]["value"] for line in lines]
    assert json.loads(frame["row"][0]) == lines[0]["row"]
    assert json.loads(frame["prompt"][0]) == lines[0]["prompt"]
    (pytester.path / "kept/run.parquet").unlink()
    run(pytester, *files, "--llmlab-report")
    assert pd.read_parquet(pytester.path / "kept/run.parquet").equals(frame)


def test_workers_make_the_same_files(pytester: pytest.Pytester) -> None:
    """Only the controller writes, once, from what all workers kept."""
    pytester.makepyfile(test_it=SUITE)
    judge(pytester, *ALL)
    alone = lines_of(pytester)
    result = judge(pytester, "-n2", *ALL)
    assert str(result.stdout).count("--llmlab-samples wrote") == 1
    varying = {"run_id", "latency_s", "ttft_s"}
    strip = [{k: v for k, v in line.items() if k not in varying} for line in alone]
    assert [
        {k: v for k, v in line.items() if k not in varying}
        for line in lines_of(pytester)
    ] == strip


def test_earlier_run_is_shown_without_running_anything(
    pytester: pytest.Pytester,
) -> None:
    """The same files and the same table, from the store alone, in any directory."""
    pytester.makepyfile(test_it=SUITE)
    shown = judge(pytester, *ALL)
    first = texts_of(pytester.path / "kept")
    (pytester.path / "test_it.py").write_text("raise SystemExit('it ran')")
    (pytester.path / "kept").rename(pytester.path / "moved")
    result = run(pytester, "-n2", *ALL, "--llmlab-report")
    assert result.ret == pytest.ExitCode.OK
    assert texts_of(pytester.path / "kept") == first
    assert "test session starts" not in str(result.stdout)
    row = next(line for line in shown.outlines if line.startswith("sums "))
    verdict = next(line for line in shown.outlines if "sums on scripted:" in line)
    assert {row, verdict} <= set(result.outlines)


def test_older_run_is_shown_by_its_id(pytester: pytest.Pytester) -> None:
    """However many runs came after it."""
    pytester.makepyfile(test_it=SUITE)
    judge(pytester, *ALL, "-k", "s1")
    (first, *_) = lines_of(pytester)
    judge(pytester)
    run(pytester, *ALL, f"--llmlab-report={first['run_id']}")
    assert [line["sample_id"] for line in lines_of(pytester)] == ["s1"]
    assert lines_of(pytester)[0]["run_id"] == first["run_id"]


def test_interrupted_run_is_shown_as_far_as_it_came(
    pytester: pytest.Pytester,
) -> None:
    """What has a result is there; the page says that the run did not finish.

    Results within moments of each other are written together, so they come slowly here.
    """
    pytester.makepyfile(test_it=SUITE)
    stop = """
        import os, signal, time, pytest

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logreport(report):
            time.sleep(0.1)
            if "s1" in report.nodeid and report.when == "call":
                os.kill(os.getpid(), signal.SIGKILL)
    """
    pytester.makeconftest(stop)
    assert judge(pytester).ret == -9
    result = run(pytester, *ALL, "--llmlab-report")
    assert result.ret == pytest.ExitCode.OK
    assert [line["sample_id"] for line in lines_of(pytester)] == ["s0", "s1"]
    page = (pytester.path / FILES["--llmlab-html"]).read_text(encoding="utf-8")
    assert "not finished: interrupted or still running" in page
    result.stdout.fnmatch_lines(["*2 of 4*", "INCONCLUSIVE*", "*2 of 4 planned*"])


def test_unknown_run_and_missing_store_are_refused(pytester: pytest.Pytester) -> None:
    """The message names the latest runs; no store is created by looking for one."""
    missing = run(pytester, "--llmlab-report")
    assert missing.ret == pytest.ExitCode.USAGE_ERROR
    missing.stderr.fnmatch_lines(["*llmlab.db*does not exist*--llmlab-store*"])
    assert not (pytester.path / ".llmlab").exists()
    pytester.makepyfile(test_it=SUITE)
    judge(pytester)
    unknown = run(pytester, "--llmlab-report=nope")
    assert unknown.ret == pytest.ExitCode.USAGE_ERROR
    unknown.stderr.fnmatch_lines(["*'nope'*latest runs: 20*last one*"])


def test_file_that_cannot_be_written_fails_the_run(pytester: pytest.Pytester) -> None:
    """One sentence for it; the other files are written all the same."""
    pytester.makepyfile(test_it=SUITE)
    (pytester.path / "kept").mkdir()
    (pytester.path / "kept" / "run.html").mkdir()
    for arguments in (["--llm=scripted"], ["--llmlab-report=last"]):
        result = run(pytester, *ALL, *arguments)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stdout.fnmatch_lines(["--llmlab-html cannot write 'kept/run.html': *"])
        assert len(lines_of(pytester)) == 5
        (pytester.path / FILES["--llmlab-samples"]).unlink()


def test_metric_of_a_plugin_is_known_where_its_conftest_is(
    pytester: pytest.Pytester,
) -> None:
    """A report needs the metrics of the run; the message says how to load them."""
    pytester.makepyfile(test_it=SUITE.replace("numeric >= 0.1", "half >= 0.1 point"))
    pytester.makeconftest(
        """
        from llmlab_pytest import Metric

        def pytest_llmlab_register_metrics(register):
            register("half", lambda results: Metric(name="half", value=0.5, n=1))
        """
    )
    judge(pytester)
    assert run(pytester, "--llmlab-report").ret == pytest.ExitCode.OK
    (pytester.path / "conftest.py").unlink()
    result = run(pytester, "--llmlab-report")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'half'*"])
