"""Cards and their pages say the same: keys, licences, sources, digests."""

import re
import tomllib
from pathlib import Path

import pytest

from llmlab_pytest.tasks import _card, _card_data

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CARDS = sorted(BENCHMARKS.glob("*/task.toml"))
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def _tables(text: str) -> list[set[str]]:
    """Return the first column of every table with code in it."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [set(re.findall(r"^\| `(\w+)` \|", block, re.MULTILINE)) for block in blocks]


def test_every_key_of_a_card_is_described() -> None:
    """The tables of benchmarks/README.md hold the keys of the code, and no more."""
    top, demonstrations, data, split = _tables(
        (BENCHMARKS / "README.md").read_text("utf-8")
    )
    assert top == {*_card.KEYS, *_card._TABLES}
    assert demonstrations == set(_card._DEMONSTRATIONS)
    assert data == set(_card_data._DATA)
    assert split == set(_card_data._SPLIT)


@pytest.mark.parametrize("card", CARDS, ids=lambda path: path.parent.name)
def test_page_of_a_benchmark_agrees_with_its_card(card: Path) -> None:
    """Licence, definition, rows, digests and revisions are those of the card."""
    content = tomllib.loads(card.read_text("utf-8"))
    page = card.with_name("README.md").read_text("utf-8")
    facts = [content["licence"], content["reference"], f"version {content['version']}"]
    for split in content["data"].values():
        if isinstance(split, dict):
            facts += [f"| {split['rows']} |", split["directory"]]
            facts += [split["digest"][:12]] if "digest" in split else ["by revision"]
            hub = split.get("hub", {})
            facts += [hub["repository"], hub["revision"][:12]] if hub else []
    assert [fact for fact in facts if fact not in page] == []


def test_overview_counts_the_rows() -> None:
    """docs/benchmarks.md lists every card with the rows of its evaluated split."""
    text = (BENCHMARKS.parent / "docs" / "benchmarks.md").read_text("utf-8")
    for card in CARDS:
        data = tomllib.loads(card.read_text("utf-8"))["data"]
        line = next(li for li in text.splitlines() if f"[`{card.parent.name}`]" in li)
        assert f"| {data[data['split']]['rows']:,} |" in line


def test_links_lead_somewhere() -> None:
    """No page of the repository links to a file that does not exist."""
    root = BENCHMARKS.parent
    pages = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("models/**/*.md")]
    pages += [*BENCHMARKS.rglob("*.md"), *root.glob("tests/*.md")]
    broken = [
        f"{page.relative_to(root)}: {link}"
        for page in pages
        for link in LINK.findall(page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []
