"""pytest's own switches keep working: what is off, strict, selected or only shown."""

from typing import Any

import pytest

GROUPED = """
import pytest
from llmlab_pytest import llm_task

ROWS = [{"id": f"s{n}", "input": f"city {n}", "target": "Paris"} for n in range(6)]

@pytest.mark.xdist_group("one")
@llm_task(data=ROWS, scorers=["contains_any"], gate="accuracy >= 0.9")
def test_s(sample, completion):
    assert completion.text
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("-p", "no:asyncio"),
        ("-p", "no:cacheprovider"),
        ("-p", "no:terminal"),
        ("--import-mode=importlib",),
        ("--import-mode=append",),
        ("-W", "error"),
        ("-n", "2", "-W", "error"),
        ("--strict-markers", "--strict-config"),
        ("-p", "no:junitxml", "-q", "-q"),
        ("--setup-show",),
        ("-s",),
    ],
    ids=" ".join,
)
def test_switch_changes_no_result(
    bare_project: Any, arguments: tuple[str, ...]
) -> None:
    """The gate passes and nothing warns or crashes."""
    bare_project.write(test_b__py="def test_b(llm):\n    assert llm('city 2').text\n")
    run = bare_project.run(*arguments)
    assert run.code == pytest.ExitCode.OK, run.out
    assert "INTERNALERROR" not in run.out
    warned = [line for line in run.out.splitlines() if "Warning" in line]
    assert [line for line in warned if "llmlab" in line] == []


def test_collect_only_leaves_nothing_behind(bare_project: Any) -> None:
    """Looking costs nothing: no store, no call."""
    before = {path.name for path in bare_project.folder.iterdir()} | {"__pycache__"}
    run = bare_project.run("--collect-only", "-q")
    assert "cities[counter-c3]" in run.out
    assert "cities[counter-gate accuracy >= 0.2]" in run.out
    assert {path.name for path in bare_project.folder.iterdir()} | {
        "__pycache__"
    } == before


def test_selected_samples_are_judged_alone(bare_project: Any) -> None:
    """`-k` takes sample ids; the table says of how many."""
    run = bare_project.run("-k", "c11 or c12")
    (row,) = run.rows()
    assert row["samples"] == 2
    assert "2/40" in run.out
    assert run.verdicts() == {}  # the gate was not selected


def test_grouped_samples_keep_their_gates_and_their_answers(bare_project: Any) -> None:
    """Xdist marks grouped items in their ids; results do not depend on it."""
    bare_project.write(test_s__py=GROUPED)
    grouped = bare_project.run("-n", "2", "--dist", "loadgroup", "-v")
    assert "test_s[counter-gate accuracy >= 0.9]" in grouped.out
    asked = bare_project.calls()
    again = bare_project.run("-n", "2", "--dist", "load", "--llmlab-resume")
    assert again.rows() == grouped.rows()
    assert again.verdicts() == grouped.verdicts()
    assert bare_project.calls() == asked


def test_same_name_is_refused_on_workers(bare_project: Any) -> None:
    """What is wrong is said once per file, and xdist does not crash."""
    bare_project.write(test_s__py=GROUPED, test_t__py=GROUPED)
    run = bare_project.run("-n", "2")
    assert run.code != pytest.ExitCode.OK
    assert "Two tests call their task 's'" in run.out
    assert "INTERNALERROR" not in run.out


def test_wrong_selection_shows_no_table(bare_project: Any) -> None:
    """Pytest's message about `-k` stands alone."""
    run = bare_project.run("-k", "(")
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "= llmlab =" not in run.out


def test_last_failed_runs_errors_and_gates_not_misses(bare_project: Any) -> None:
    """A miss is a result, not a failure: `--lf` leaves it alone."""
    card = bare_project.folder / "cities.task.toml"
    card.write_text(card.read_text().replace("0.2", "0.9"))
    arguments = ["-p", "cacheprovider"]
    assert bare_project.run(*arguments).code == pytest.ExitCode.TESTS_FAILED
    again = bare_project.run(*arguments, "--lf")
    assert again.code == pytest.ExitCode.TESTS_FAILED
    assert set(again.verdicts().values()) == {"inconclusive"}
    assert "no sample was selected" in again.out
