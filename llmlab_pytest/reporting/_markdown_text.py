"""Pieces of Markdown that no text in them can end or turn into something else."""

import re
from collections.abc import Iterable, Sequence

from llmlab_pytest.core import escape_control

RUNS_OF_TICKS = re.compile(r"`+")


def markdown_table(
    head: Sequence[str], lines: Sequence[Sequence[str]], *, names: int
) -> str:
    """Return a table whose first columns are names, the others numbers."""
    marks = ["---"] * names + ["--:"] * (len(head) - names)
    told = [
        [
            code_span(cell) if number < names and cell else escaped(cell)
            for number, cell in enumerate(cells)
        ]
        for cells in lines
    ]
    return (
        "\n".join(_line(cells) for cells in (map(escaped, head), marks, *told)) + "\n\n"
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def code_span(text: str) -> str:
    """Return text as code within a line, which no backtick of it can end."""
    plain = escape_control(text).replace("|", "\\|").replace("\n", " ")
    ticks = "`" * (1 + max(map(len, RUNS_OF_TICKS.findall(plain)), default=0))
    room = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{room}{plain}{room}{ticks}"


def escaped(text: str) -> str:
    """Return text whose characters have no meaning in Markdown or HTML."""
    plain = escape_control(text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_{}\[\]()#!|>~@])", r"\\\1", plain)
