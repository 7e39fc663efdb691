"""Text of others in Markdown: nothing in it is read as Markdown, HTML or a mention."""

import re

import pytest

from llmlab_pytest.reporting import block, escaped, html_code, markdown_table, span

HOSTILE = [
    "a`b",
    "``` `````",
    "`",
    "a|b",
    "a\\|b",
    "\\",
    "a\nb\r\nc",
    "</summary><script>",
    "![x](http://evil/)",
    "@everyone #1 org/repo#2",
    "\x1b[31m\u202e",
]
_CELL = re.compile(r"(?:\\[!-/:-@\[-`{-~]|[^|])*")
"""A cell as cmark-gfm scans it: an escaped mark, or what is no bar."""


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_breaks_out_of_its_cell(text: str) -> None:
    """A row has as many cells as the head, read as GitHub's parser splits them."""
    lines = markdown_table(("a", "b", "c"), [[text, text, text]], names=2).splitlines()
    row = lines[2]
    assert row.startswith("| ")
    cells, place = [], 1
    while place < len(row):
        match = _CELL.match(row, place)
        assert match is not None
        cells.append(match[0])
        place = match.end() + 1
    assert len(cells) == 3
    assert lines[3:] == [""]


@pytest.mark.parametrize("text", HOSTILE)
def test_code_is_ended_by_its_own_ticks_only(text: str) -> None:
    """No run of backticks within has the length of those around it."""
    for told in (span(text), block(text)):
        ticks = re.match("`+", told)
        assert ticks is not None
        inner = told.strip("\n")[len(ticks[0]) : -len(ticks[0])]
        assert len(ticks[0]) not in map(len, re.findall("`+", inner))


def test_escaped_text_calls_nobody() -> None:
    """GitHub looks for mentions after Markdown is read: a backslash is gone then."""
    assert escaped("@all, see #1 <b>") == ("\\@&#8203;all, see \\#&#8203;1 &lt;b\\>")


def test_code_in_html_is_escaped_as_html() -> None:
    """In a summary no Markdown is read."""
    assert html_code("a</summary>&`") == "<code>a&lt;/summary&gt;&amp;`</code>"
