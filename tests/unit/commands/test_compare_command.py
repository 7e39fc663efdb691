"""`llmlab compare`: what differs between models and runs, with corrected p values."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from llmlab_pytest.commands import main
from llmlab_pytest.core import Sample, SampleResult, Score, TaskPlan
from llmlab_pytest.stats import detectable_pairs, mcnemar, tango
from llmlab_pytest.store import open_store

Values = Sequence[float]
Runs = Mapping[str, Mapping[str, Values]]
"""Values of the samples, by run and by `task/model`."""

OLD = [1.0] * 30 + [0.0] * 10
NEW = [1.0] * 36 + [0.0] * 4
WORSE = [0.0] * 15 + [1.0] * 15 + [0.0] * 10


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[Runs], None]:
    """Keep runs in the default store."""
    (tmp_path / ".llmlab").mkdir()

    def kept(runs: Runs) -> None:
        store = open_store(str(tmp_path / ".llmlab" / "llmlab.db"))
        for day, (run_id, groups) in enumerate(runs.items(), start=1):
            at = f"2026-11-{day:02d}T10:00:00+00:00"
            store.start_run(run_id, started_at=at, factors={})
            store.finish_run(run_id, finished_at=at)
            for name, values in groups.items():
                task, _, model = name.partition("/")
                n = len(values)
                plan = TaskPlan(task=task, model=model, planned=n, available=n)
                store.plan_task(run_id, plan)
                for number, value in enumerate(values):
                    result = SampleResult(
                        task=task,
                        model=model,
                        sample_id=f"s{number:02d}",
                        scores=(Score(scorer="exact", value=value),),
                        cost_usd=0.01 if model == "new" else 0.02,
                        latency_s=0.5,
                    )
                    row = {"q": f"{task}{number}"}
                    sample = Sample(id=result.sample_id, input="q", metadata=row)
                    store.record_result(run_id, result, sample=sample)
        store.close()

    return kept


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["compare", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_models_of_one_run_are_compared_in_pairs(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Quality beside cost and latency; then each pair, by Tango and McNemar."""
    keep({"r1": {"quiz/new": NEW, "quiz/old": OLD, "quiz/worse": WORSE}})
    lines = output_of(capsys, "last")
    assert lines[0].split() == [
        *("task", "model", "metric", "value", "95%", "interval", "n", "err", "cost"),
        "p50",
    ]
    assert lines[1].split()[:4] == ["quiz", "new", "exact", "0.900"]
    assert lines[1].split()[-4:] == ["40", "0", "$0.40", "500ms"]
    changes = [line.split() for line in lines if line.startswith("quiz ")][3:]
    assert [change[1:4] for change in changes] == [
        ["old", "new", "-0.150"],
        ["worse", "new", "-0.525"],
        ["worse", "old", "-0.375"],
    ]
    ends = tango(0, 6, 40)
    assert ends is not None
    assert changes[0][4:6] == [f"[{ends.low:+.3f},", f"{ends.high:+.3f}]"]
    assert changes[0][6:9] == ["0", "6", "34"]
    p = mcnemar(0, 6)
    assert changes[0][9] == f"{p:.4f}"
    # Holm: the two others are smaller, so that this one counts once.
    assert changes[0][10] == f"{p:.4f}"
    assert changes[1][9] == "<0.0001"
    assert changes[2][9:11] == ["<0.0001", "0.0001"]
    assert "quiz: old against new, lower: s30, s31, s32, s33, s34, s35" in lines
    assert any(line.endswith("s06, s07, …") for line in lines)
    assert "p (Holm): corrected for 3 comparisons" in lines


def test_finds_may_be_corrected_by_their_false_part(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of three equal p values, Benjamini and Hochberg's stay as they are."""
    tasks = {
        f"{name}/{model}": v
        for name in "abc"
        for model, v in (("new", NEW), ("old", OLD))
    }
    keep({"r1": tasks})
    p = mcnemar(6, 0)
    for correct, heading, wanted in (("holm", "Holm", 3 * p), ("fdr", "FDR", p)):
        lines = output_of(capsys, "r1", "--correct", correct)
        changes = [line.split() for line in lines if "old    new" in line]
        assert [change[9:11] for change in changes] == [
            [f"{p:.4f}", f"{wanted:.4f}"]
        ] * 3
        assert f"p ({heading}): corrected for 3 comparisons" in lines


def test_runs_are_compared_model_by_model(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The later with the earlier; a run is named by its place from the end, too."""
    keep(
        {
            "r1": {"quiz/a": OLD, "quiz/b": OLD, "other/a": OLD},
            "r2": {"quiz/a": NEW, "quiz/b": OLD, "other/a": OLD},
        }
    )
    lines = output_of(capsys, "last~1", "last", "--task", "quiz")
    changes = [line.split() for line in lines if "against" not in line][6:8]
    assert [change[1:8] for change in changes] == [
        ["a", "@", "r2", "a", "@", "r1", "+0.150"],
        ["b", "@", "r2", "b", "@", "r1", "+0.000"],
    ]
    assert not any("other" in line for line in lines)
    finds = f"{detectable_pairs(0.0, 40):.3f}"
    assert changes[1][-6:] == ["0", "0", "40", "1.0000", "1.0000", finds]


def test_new_model_of_another_run_is_compared_with_the_old(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """No finding names the smallest difference that would have been one."""
    close = [0.0, 1.0, 0.0, *OLD[3:37], 1.0, 0.0, 1.0]
    keep({"r1": {"quiz/old": OLD}, "r2": {"quiz/new": close}})
    lines = output_of(capsys, "r1", "r2")
    (change,) = (line.split() for line in lines if "new @ r2  old @ r1" in line)
    assert change[-6:-3] == ["2", "2", "36"]
    assert change[-1] == f"{detectable_pairs(0.1, 40):.3f}"
    assert any(line.startswith("finds: the smallest difference") for line in lines)


def test_file_of_samples_is_a_side(
    keep: Callable[[Runs], None],
    capsys: pytest.CaptureFixture[str],
    folder: Path,
) -> None:
    """Samples from other rows are left out, and so are those that one side lacks."""
    keep({"r1": {"quiz/a": OLD}})
    content = [
        {
            "task": "quiz",
            "model": "a",
            "sample_id": f"s{n:02d}",
            "scores": [{"scorer": "exact", "value": 1.0}],
            "row": {"q": "moved" if n < 4 else f"quiz{n}"},
        }
        for n in range(38)
    ]
    (folder / "main.jsonl").write_text("\n".join(map(json.dumps, content)))
    lines = output_of(capsys, "main.jsonl", "r1")
    (change,) = (line.split() for line in lines if "a @ r1  a @ main.jsonl" in line)
    assert change[-5:-2] == ["0", "8", "26"]
    assert any(
        line.endswith("against a @ main.jsonl: 6 samples are not in both, or differ")
        for line in lines
    )


def test_any_metric_may_be_compared(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A total has two values, and nothing that could be tested."""
    keep({"r1": {"quiz/new": NEW, "quiz/old": OLD}})
    lines = output_of(capsys, "r1", "--metric", "cost_usd")
    (change,) = (line.split() for line in lines if line.startswith("quiz  old    new"))
    assert change[3:] == ["+0.400", "-", "-", "-", "-", "-", "-"]


def test_without_a_run_the_runs_are_listed(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Newest first."""
    keep({"r1": {"quiz/a": OLD}, "r2": {"quiz/a": NEW}})
    title, *runs = output_of(capsys)
    assert title == "runs of .llmlab/llmlab.db, newest first"
    assert [line.split()[:2] for line in runs] == [
        ["r2", "2026-11-02T10:00:00+00:00"],
        ["r1", "2026-11-01T10:00:00+00:00"],
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["r1"], "nothing to compare in r1: quiz on a"),
        (["r1", "r9"], "The run 'r9' is asked for, which"),
        (["last", "last~2"], "'last~2'"),
        (["r1", "r2", "--task", "quis"], "--task is 'quis'"),
        (["r1", "r2", "--metric", "acuracy"], "'acuracy'"),
        (["r1", "none.jsonl"], "none.jsonl"),
        (["r1", "--store", "none.db"], "The store 'none.db' does not exist"),
    ],
)
def test_what_cannot_be_compared_is_said(
    keep: Callable[[Runs], None],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    """With exit code 2, and nothing on standard output."""
    keep({"r1": {"quiz/a": OLD}, "r2": {"quiz/a": NEW}})
    assert main(["compare", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err


def test_models_of_a_run_are_set_side_by_side(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Quality against cost and latency, agreement, samples, and which model to take."""
    keep({"r1": {"quiz/new": NEW, "quiz/old": OLD, "quiz/worse": WORSE}})
    lines = output_of(capsys, "last")
    start = lines.index("quiz: exact on 40 samples that all have")
    below = lines[start:]
    assert below[2] == "quality against cost"
    assert below[4].split()[:2] == ["new", "0.900"]
    assert below[4].split()[-2:] == ["yes", "100%"]
    assert any(line.startswith("only worse wrong: 15 samples: s00") for line in below)
    assert "none right: 4 samples: s36, s37, s38, s39" in below
    assert any(
        line.startswith("new, $0.0100 a sample, is the cheapest shown")
        for line in below
    )


def test_margin_and_confidence_decide_about_the_cheapest(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Forty equal samples show less than 0.1, but not less than 0.02."""
    keep({"r1": {"quiz/new": OLD, "quiz/old": OLD}})
    (wide,) = (n for n in output_of(capsys, "r1", "--margin", "0.1") if "at worst" in n)
    assert wide.startswith("new, $0.0100 a sample, is the cheapest shown to be less")
    (narrow,) = (n for n in output_of(capsys, "r1") if "at worst" in n)
    assert narrow.startswith("not enough evidence at 95% confidence; new")
    assert "for about $" in narrow
    (sure,) = (
        n
        for n in output_of(capsys, "r1", "--margin", "0.1", "--confidence", "0.999")
        if "at worst" in n
    )
    assert sure.startswith("not enough evidence at 99.9% confidence")


def test_files_hold_models_side_by_side(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """A page, Markdown and JSON; folders are made."""
    keep({"r1": {"quiz/new": NEW, "quiz/old": OLD}})
    lines = output_of(
        capsys,
        *(
            "r1",
            "--html",
            "out/c.html",
            "--markdown",
            "out/c.md",
            "--json",
            "out/c.json",
        ),
    )
    assert lines[-3:] == [
        "--html wrote out/c.html",
        "--markdown wrote out/c.md",
        "--json wrote out/c.json",
    ]
    page = (folder / "out" / "c.html").read_text("utf-8")
    assert "<h1>llmlab compare r1</h1>" in page
    assert "Quality against cost" in page
    assert "| `new` | 0.900 |" in (folder / "out" / "c.md").read_text("utf-8")
    kept = json.loads((folder / "out" / "c.json").read_text("utf-8"))
    assert kept["tasks"][0]["standings"][0]["model"] == "new"
    assert kept["tasks"][0]["wins"][0]["corrected_p"] == pytest.approx(0.03125)


def test_file_that_cannot_be_written_is_told(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """The folder is a file: the command fails by its name."""
    keep({"r1": {"quiz/new": NEW, "quiz/old": OLD}})
    (folder / "out").write_text("", "utf-8")
    assert main(["compare", "r1", "--html", "out/c.html"]) == 2
    assert "--html cannot write 'out/c.html'" in capsys.readouterr().err


def test_signal_is_a_further_scorer_of_the_results(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The scorer that says what is right is no signal of being unsure."""
    keep({"r1": {"quiz/new": NEW, "quiz/old": OLD}})
    for name in ("exact", "sure"):
        assert main(["compare", "r1", "--signal", name]) == 2
        assert f"--signal is '{name}'" in capsys.readouterr().err


def test_cascades_stand_below_the_models(
    keep: Callable[[Runs], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """From the cheaper to the best; without a signal only the bound of all rules."""
    keep({"r1": {"quiz/new": OLD, "quiz/old": NEW}})
    lines = output_of(capsys, "r1")
    start = next(n for n, line in enumerate(lines) if line.startswith("cascades: "))
    row = lines[start + 2]
    assert row.split()[:2] == ["new", "old"]
    assert "the second is better (oracle)" in row
    assert "$0.0130" in row  # 0.01, and 0.02 for six of forty
