"""Reference tables in the documentation are what the code says."""

import inspect
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import llmlab_pytest
from llmlab_pytest.scorers import scorer_registry

PROGRAM = Path(__file__).with_name("tables.py")


def _tables(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_pages_have_current_tables() -> None:
    """No table differs; `python tests/repo/tables.py --write` mends it."""
    result = _tables()
    assert (result.stdout, result.stderr, result.returncode) == ("", "", 0)


@pytest.mark.parametrize("name", runpy.run_path(str(PROGRAM))["TABLES"])
def test_every_table_is_in_a_page(name: str, repository: Path) -> None:
    """Each kind of table stands in exactly one page."""
    pages = [repository / "README.md", *(repository / "docs").glob("*.md")]
    having = [
        p.name for p in pages if f"<!-- table: {name} -->" in p.read_text("utf-8")
    ]
    assert len(having) == 1, having


def test_every_scorer_is_in_one_table() -> None:
    """Who looks for a scorer finds it, and once."""
    groups = runpy.run_path(str(PROGRAM))["SCORERS"].values()
    listed = [name for names in groups for name in names]
    assert sorted(listed) == list(scorer_registry())


def test_every_option_of_a_scorer_is_explained(repository: Path) -> None:
    """No option stands in the reference without what it means."""
    rows = runpy.run_path(str(PROGRAM))["TABLES"]["scorer_options"]().splitlines()
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []


def test_peers_names_lead_to_ours(repository: Path) -> None:
    """Each row names a scorer, an assertion or a function, and options that exist."""
    page = (repository / "docs" / "scorers.md").read_text("utf-8")
    table = page.partition("## Coming from")[2]
    rows = [line.split("|")[-2] for line in table.splitlines() if "| `" in line[:3]]
    assert len(rows) > 40
    registry = scorer_registry(may_run_code=True)
    public = {*registry, *llmlab_pytest.__all__, "completion", "gate"}
    for row in rows:
        first = re.findall(r"`(\w+)(?:\.\w+)?`", row)
        assert row.strip() == "a function" or set(first) & public, row
        options = {
            option
            for name in first
            if name in registry
            for option in inspect.signature(registry[name]).parameters
        }
        assert set(first) <= public | options, row
        assert set(re.findall(r"`(\w+) =", row)) <= options, row


def test_stale_table_is_shown_and_written(tmp_path: Path) -> None:
    """A page with an old table fails with a diff, and `--write` mends it."""
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n\n<!-- table: options -->\n| old |\n<!-- end table -->\n\nText.\n"
    )
    stale = _tables(str(page))
    assert stale.returncode == 1
    assert "-| old |" in stale.stdout
    assert _tables(str(page), "--write").returncode == 0
    assert _tables(str(page)).returncode == 0
    text = page.read_text("utf-8")
    assert re.search(r"^\| `--llm MODEL` \| `llmlab_models` \|", text, re.MULTILINE)
    assert text.startswith("# Page\n")
    assert text.endswith("\nText.\n")
