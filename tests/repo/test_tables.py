"""Reference tables in the documentation are what the code says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("name", ["options", "marks", "fixtures", "hooks", "errors"])
def test_every_table_is_in_a_page(name: str, repository: Path) -> None:
    """Each kind of table stands in exactly one page."""
    pages = [repository / "README.md", *(repository / "docs").glob("*.md")]
    having = [
        p.name for p in pages if f"<!-- table: {name} -->" in p.read_text("utf-8")
    ]
    assert len(having) == 1, having


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
