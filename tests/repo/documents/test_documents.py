"""Documentation cannot lie: every block of README.md and docs/ runs."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]
DATA = Path(__file__).parent / "data"
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "benchmarks" / "README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
RunPage = Callable[[Path], Any]
BlocksOf = Callable[[Path], list[Any]]


@pytest.mark.parametrize(
    "page", PAGES, ids=[f"{page.parent.name}/{page.name}" for page in PAGES]
)
def test_page_does_what_it_says(page: Path, run_page: RunPage) -> None:
    """Every block of the page runs and ends as the page says."""
    assert run_page(page).untried == []


def test_set_up_commands_are_run_by_ci(blocks_of: BlocksOf) -> None:
    """A block that is exempt as a command is one that .ci/run extracts by its name."""
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    commands = [
        (block.place, block.directives["command"])
        for page in PAGES
        for block in blocks_of(page)
        if "command" in block.directives
    ]
    assert [
        place for place, name in commands if f"readme_command {name}" not in script
    ] == []
    assert {"main", "test"} <= {name for _, name in commands}


def test_set_up_commands_name_real_extras(blocks_of: BlocksOf) -> None:
    """The extras in the README's pip lines exist, and constraints.txt pins them."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"].keys()
    for block in blocks_of(REPOSITORY / "README.md"):
        if "command" in block.directives:
            named = block.content.partition("'.[")[2].partition("]'")[0]
            assert set(named.split(",")) <= extras
            assert "-c constraints.txt" in block.content


def test_example_page_runs(run_page: RunPage) -> None:
    """Named files, tests, scripts, shell lines and hidden files work together."""
    project = run_page(DATA / "works.md")
    made = {path.name for path in project.root.iterdir()}
    assert {"test_sum.py", "numbers.jsonl", "report.xml", "hidden.txt"} <= made
    assert (project.root / "numbers.jsonl").read_text("utf-8") == '{"n": 1}\n{"n": 2}\n'


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("fails_test.md", r"fails_test.md:3: 'pytest test_line_3.py' ended with 1"),
        ("fails_unrun_file.md", r"'pytest test_wrong.py' ended with 1"),
        ("fails_toml.md", r"fails_toml.md:3: not toml"),
        ("fails_command.md", r"fails_command.md:3: 'rm -rf x' is no command line"),
        ("fails_language.md", r"fails_language.md:3: 'ini' is none of"),
        ("fails_exit.md", r"'pytest missing.py' ended with 4, the page says 0"),
    ],
    ids=lambda value: value if value.endswith(".md") else "",
)
def test_wrong_page_is_noticed(page: str, message: str, run_page: RunPage) -> None:
    """A block that does not work fails with its page, line and output."""
    with pytest.raises(AssertionError, match=message):
        run_page(DATA / page)
