"""Columns of text, aligned."""

from collections.abc import Sequence

_GAP = "  "


def aligned(cells: Sequence[Sequence[str]], aligns: Sequence[str]) -> list[str]:
    """Return a line per row of cells, each column as wide as its widest cell.

    Args:
        cells: rows of equal length.
        aligns: `<` or `>` per column.
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        _GAP.join(
            f"{cell:{align}{room}}"
            for cell, align, room in zip(line, aligns, widths, strict=True)
        ).rstrip()
        for line in cells
    ]
