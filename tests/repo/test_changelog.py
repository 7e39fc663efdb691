"""The changelog is short enough to be read."""

import re
from pathlib import Path

MAX_WORDS = 25
KINDS = {"Removed", "Deprecated", "Added", "Changed", "Fixed"}


def test_entries_are_short(repository: Path) -> None:
    """Each entry has at most 25 words and ends with a full stop."""
    text = (repository / "CHANGELOG.md").read_text("utf-8")
    entries = re.findall(r"^- (.*(?:\n {2}.*)*)", text, re.MULTILINE)
    assert entries
    assert [e for e in entries if len(e.split()) > MAX_WORDS] == []
    assert [e for e in entries if not e.endswith(".")] == []


def test_headings_are_the_agreed_kinds(repository: Path) -> None:
    """Entries are grouped by what they mean for a user."""
    text = (repository / "CHANGELOG.md").read_text("utf-8")
    assert set(re.findall(r"^### (\w+)", text, re.MULTILINE)) <= KINDS
    assert "## Unreleased" in text
