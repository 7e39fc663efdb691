"""`llmlab review`: the run of a pull request against that of its base branch."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from llmlab_pytest.commands import main
from llmlab_pytest.comparing import Side, run_id_of
from llmlab_pytest.core import ConfigError, SampleResult, Score
from llmlab_pytest.metrics import default_metrics
from llmlab_pytest.reporting import Told
from llmlab_pytest.reviewing import LONGEST_COMMENT, render_comment, review_runs
from llmlab_pytest.stats import tango
from llmlab_pytest.store import open_store

HOSTILE = "@everyone ![x](http://evil/) | ``` </details> <script> `one` ````` #1"
CARD = """
prompt = "What is the capital of {{ country }}?"
scorers = ["contains_any"]
"""
N = 200


def ask(folder: Path, wrong: int, *options: str, branch: str = "main") -> None:
    """Ask a model that answers so many of the samples wrong."""
    numbers = "|".join(f"{n:03d}" for n in range(wrong)) or "none"
    replies = {f"Land ({numbers})": HOSTILE, ".": "It is Paris."}
    script = "".join(
        f"[[reply]]\npattern = '{pattern}'\ntext = '''{text}'''\n"
        for pattern, text in replies.items()
    )
    (folder / "script.toml").write_text(script, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-pno:cacheprovider"]
    done = subprocess.run(
        [*command, "--llm=scripted:script.toml", *options],
        cwd=folder,
        env=os.environ | {"GITHUB_REF_NAME": branch},
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with five runs; the last is worse, and of a pull request."""
    folder = tmp_path_factory.mktemp("project")
    rows = [
        {"id": f"q{n:03d}", "country": f"Land {n:03d}", "target": "Paris"}
        for n in range(N)
    ]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "capitals.jsonl").write_text(lines, encoding="utf-8")
    (folder / "capitals.task.toml").write_text(CARD, encoding="utf-8")
    ask(folder, 0)
    ask(folder, 10)
    ask(folder, 12, "--llmlab-limit=40", branch="few")
    ask(folder, 10, "--llmlab-samples=base.jsonl")
    ask(folder, 40, branch="12/merge")
    return folder


@pytest.fixture
def project(asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project, and the working directory."""
    shutil.copytree(asked, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def review(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Return exit code and comment."""
    code = main(["review", *arguments])
    return code, capsys.readouterr().out


def table_of(page: str) -> str:
    return page[page.index("| task") : page.index("A loss")]


def test_worse_run_says_so_and_ends_with_1(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The base is the last finished run of the branch; the interval is Tango's."""
    code, page = review(capsys, "branch:main")
    assert code == 1
    lines = page.splitlines()
    assert lines[:2] == [
        "<!-- llmlab-review -->",
        "### ❌ llmlab: worse than the base",
    ]
    ends = tango(0, 30, N)
    assert ends is not None
    assert table_of(page).replace("\\", "").splitlines()[2] == (
        "| `capitals` | `scripted-script.toml` | `contains_any` | 0.950 | 0.800 "
        f"| -0.150 | [{ends.low:+.3f}, {ends.high:+.3f}] | 0 | 30 | {N} | ❌ worse |"
    )
    assert re.search(
        r"^`\S+` \(`12/merge`\) against `\S+` \(`main`\)$", page, re.MULTILINE
    )
    assert "| `run` | `git_branch` | `main` | `12/merge` |" in page
    assert ": 30 worse, the first 10</summary>" in page


def test_answers_are_shown_word_by_word_and_cannot_break_out(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hostile answer stands in a block whose fence is longer than any in it."""
    _, page = review(capsys, "last~1")
    fence = "`" * 6
    assert f"answer:\n{fence}text\n[-It is Paris.-]{{+{HOSTILE}+}}\n{fence}\n" in page
    assert page.count("**`q010`** 1.000 → 0.000") == 1
    assert "prompt:\n```text\nuser: What is the capital of Land 010?\n```" in page
    outside = page.replace(HOSTILE, "")
    assert "@everyone" not in outside
    assert outside.count("<details>") == outside.count("</details>")


def test_same_answers_are_not_worse_and_a_gain_is_not(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """200 samples of which none changed exclude a loss of 2 points."""
    assert review(capsys, "last~3", "last~1")[0] == 0
    code, page = review(capsys, "last", "last~4")
    assert code == 0
    assert "### ✅ llmlab: not worse than the base" in page
    assert ": 40 better, the first 10</summary>" in page


def test_metric_of_which_less_is_better_is_turned_round(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is lower is then better, in verdict, counts and lists."""
    option = "--lower-is-better=contains_any"
    code, page = review(capsys, "last~1", option)
    assert code == 0
    assert "| 30 | 0 | 200 | ✅ not worse |" in page
    assert ": 30 better, the first 10</summary>" in page
    assert review(capsys, "last", "last~1", option)[0] == 1


def test_too_few_samples_cannot_tell_and_say_how_many_would(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with 3, with --inconclusive pass with 0; a larger margin decides."""
    arguments = ("last~3", "branch:few")
    code, page = review(capsys, *arguments)
    assert code == 3
    assert "### ❔ llmlab: the samples cannot tell" in page
    assert "160 samples are not in both runs, or differ" in page
    assert re.search(r"about [\d,]+ more samples would decide it", page)
    assert review(capsys, *arguments, "--inconclusive=pass")[0] == 0
    assert review(capsys, *arguments, "--margin=20 points")[0] == 0


def test_file_and_another_store_are_bases_too(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They say what the runs of one store say; the comment goes to a file."""
    _, page = review(capsys, "last~1")
    code, from_file = review(capsys, "base.jsonl")
    assert (code, table_of(from_file)) == (1, table_of(page))
    assert f"[-It is Paris.-]{{+{HOSTILE}+}}" in from_file
    shutil.copytree(".llmlab", "kept")
    options = ("--base-store=kept/llmlab.db", "--out=out/comment.md", "--name=evals")
    code, said = review(capsys, "branch:main", *options)
    assert code == 1
    assert said.splitlines()[0] == "worse: margin 0.02"
    written = Path("out/comment.md").read_text("utf-8")
    assert written.startswith("<!-- llmlab-review evals -->\n")
    assert table_of(written) == table_of(page)


def test_task_that_is_gone_is_no_success(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named, and the review is inconclusive; a new one is only named."""
    (project / "capitals.task.toml").unlink()
    (project / "cities.task.toml").write_text(f'data = "capitals.jsonl"\n{CARD}')
    ask(project, 0)
    code, page = review(capsys, "branch:12/merge")
    assert code == 3
    assert "- `capitals on scripted-script.toml`: ❔ only in the base" in page
    assert "- `cities on scripted-script.toml`: new, 200 results" in page


def test_errors_and_missing_results_are_no_verdict(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such a run is not compared, whatever --inconclusive says."""
    store = open_store(".llmlab/llmlab.db")
    run_id = store.runs()[0].id
    (plan,) = store.plans(run_id)
    error = "RateLimited: `slow` | down"
    failed = SampleResult(
        task=plan.task, model=plan.model, sample_id="q000", error=error
    )
    store.record_result(run_id, failed)
    code, page = review(capsys, "last~1", "--inconclusive=pass")
    assert code == 3
    assert "### 💥 llmlab: not compared" in page
    told = "1 of 200 samples of this run ended in an error, first q000: RateLimited"
    assert told in page
    assert "\\`slow\\` \\| down" in page
    store.start_run("begun", started_at="2099-01-01T00:00:00+00:00", factors={})
    store.plan_task("begun", plan)
    store.close()
    code, page = review(capsys, "last~2")
    assert code == 3
    assert "0 of 200 planned samples of this run have a result" in page


def test_comment_is_never_longer_than_github_takes() -> None:
    """What does not fit is counted; what is there is whole."""
    told = "\N{LLAMA} lama " * 500

    def side(place: str, task: str, value: float) -> Side:
        results = [
            SampleResult(
                task=task,
                model="m",
                sample_id=f"{told[:60]}{number}",
                scores=(Score(scorer="exact", value=value),),
            )
            for number in range(20)
        ]
        return Side(
            source=place,
            place=place,
            task=task,
            model="m",
            metric="exact",
            results=results,
            rows={},
            clusters={},
        )

    def read(side: Side, ids: Sequence[str]) -> dict[tuple[str, int], Told]:
        return {(name, 1): Told(name, 1, told, told, side.place * 4000) for name in ids}

    tasks = [f"task {number}" for number in range(60)]
    base, now = ([side(name, t, v) for t in tasks] for name, v in (("a", 1), ("b", 0)))
    metrics = default_metrics()
    page = render_comment(review_runs(base, now, metrics, margin=0.02), metrics, read)
    characters = len(page.encode("utf-16-le")) // 2
    assert LONGEST_COMMENT - 20_000 <= characters <= LONGEST_COMMENT
    assert re.search(
        r"^\d+ more parts do not fit into a comment\.$", page, re.MULTILINE
    )
    assert "20 more are no more serious." in page
    assert page.count("<details>") == page.count("</details>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["branch:dev"], "The run 'branch:dev' is asked for"),
        (["last~1", "--margin", "few"], "--margin is 'few'"),
        (["last~1", "--name=--><b>"], "--name is '--><b>'"),
        (["last~1", "--task", "other"], "--task is 'other', which neither run has"),
        (["last~1", "--out", "capitals.jsonl/x"], "--out capitals.jsonl/x cannot be"),
    ],
    ids=["branch", "margin", "name", "task", "out"],
)
def test_wrong_use_is_said(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    """By exit code 2 and a message."""
    assert main(["review", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_commit_names_a_run_unless_its_tree_was_changed(tmp_path: Path) -> None:
    """Seven digits are enough; one that ends in + has to be written so."""
    store = open_store(str(tmp_path / "store.db"))
    for number, commit in enumerate(("a" * 40, "a" * 40 + "+", "b" * 40)):
        at = f"2026-11-0{number + 1}T10:00:00+00:00"
        store.start_run(f"r{number}", started_at=at, factors={"git_commit": commit})
        store.finish_run(f"r{number}", finished_at=at)
    assert run_id_of("commit:aaaaaaa", store, "store.db") == "r0"
    assert run_id_of(f"commit:{'a' * 40}+", store, "store.db") == "r1"
    for wrong in ("commit:aaaa", "commit:ccccccc", "branch:main"):
        with pytest.raises(ConfigError, match="does not hold"):
            run_id_of(wrong, store, "store.db")
    store.close()
