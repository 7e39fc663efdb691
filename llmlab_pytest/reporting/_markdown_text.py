"""Text of others as Markdown that it cannot break out of, on GitHub and GitLab.

What models said stands in code spans and blocks that no backtick of it ends. There no
`@name` is a mention, no `#1` a reference and no HTML is one. Within HTML, where
Markdown is not read, it is escaped as HTML.
"""

import html
import re
from collections.abc import Sequence

from llmlab_pytest.core import escape_control

_RUNS = re.compile(r"`+")
_CALLS = re.compile(r"([@#])")
_NOTHING = "&#8203;"
"""A space of no width. GitHub looks for `@name` and `#1` in what Markdown has become,
where a backslash before them is gone."""
_MEANT = re.compile(r"([\\`*_{}\[\]()#!|>~@])")


def span(text: str) -> str:
    """Return text as code within a line, which no backtick of it can end."""
    # A table would read `\\|` as an escaped backslash and the end of a cell.
    plain = escape_control(text).replace("\n", " ").replace("\\|", "\\ |")
    plain = plain.replace("|", "\\|")
    ticks = "`" * (1 + max(map(len, _RUNS.findall(plain)), default=0))
    room = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{room}{plain}{room}{ticks}"


def block(text: str) -> str:
    """Return text as a block of code, which no backtick of it can end."""
    ticks = "`" * max(3, 1 + max(map(len, _RUNS.findall(text)), default=0))
    return f"{ticks}text\n{text}\n{ticks}\n"


def escaped(text: str) -> str:
    """Return one line of text whose characters mean nothing in Markdown or HTML."""
    plain = escape_control(text).replace("\n", " ")
    plain = plain.replace("&", "&amp;").replace("<", "&lt;")
    return _CALLS.sub(rf"\1{_NOTHING}", _MEANT.sub(r"\\\1", plain))


def html_code(text: str) -> str:
    """Return text as code within HTML: in a `<summary>` no Markdown is read."""
    plain = html.escape(escape_control(text).replace("\n", " "))
    return f"<code>{plain}</code>"


def markdown_table(
    head: Sequence[str], lines: Sequence[Sequence[str]], *, names: int
) -> str:
    """Return a table whose first columns are names, the others numbers.

    Args:
        head: headings; a model's name may be one.
        lines: cells.
        names: how many columns are shown as code.
    """
    marks = ["---"] * names + ["--:"] * (len(head) - names)
    told = [
        [
            span(cell) if number < names and cell else escaped(cell)
            for number, cell in enumerate(cells)
        ]
        for cells in lines
    ]
    rows = (list(map(escaped, head)), marks, *told)
    return "\n".join(map(_line, rows)) + "\n\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
