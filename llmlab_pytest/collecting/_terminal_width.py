"""How wide pytest's terminal is, and how far its current line has come."""

from typing import NamedTuple

import pytest


class TerminalWidth(NamedTuple):
    """Columns of a terminal."""

    columns: int
    used: int
    """By what pytest has written of the current line."""


def width_of(reporter: pytest.TerminalReporter) -> TerminalWidth:
    """Return the width in use, which options and the environment decide."""
    writer = reporter._tw  # noqa: SLF001 -- the only way to it
    return TerminalWidth(writer.fullwidth, writer.width_of_current_line)
