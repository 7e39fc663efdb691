"""Rows as CSV on standard output."""

import csv
import io
from collections.abc import Sequence


def csv_lines(rows: Sequence[Sequence[object]]) -> list[str]:
    """Return rows as CSV, a line each; no cell begins a formula of a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return text.getvalue().splitlines()


def _harmless(cell: object) -> object:
    is_formula = isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t"))
    return f"'{cell}" if is_formula else cell
