"""How answers are shown while they come: straight, in columns, or each when whole.

On a terminal answers are seen while they are written. Elsewhere, in a pipe or a log,
lines that stay as they are serve better.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Protocol, Self, TextIO

from llmlab_pytest.asking import Answer
from llmlab_pytest.commands._answer_lines import facts_of, score_lines, text_of
from llmlab_pytest.core import Listener, load

_LEAST_WIDTH = 26
"""Of a column: below, lines are too short to read."""


class Screen(Protocol):
    """Shows answers, each at its place: a number from 0."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, *_: object) -> None:
        """Leave what is shown as it is."""

    def listener(self, place: int) -> Listener | None:
        """Return who shows an answer while it is written; `None`: nobody."""
        ...

    def end(self, place: int, answer: Answer) -> None:
        """Show the whole answer and what it took."""


def screen_for(
    names: Sequence[str], out: TextIO | None = None, *, is_talk: bool = False
) -> Screen:
    """Return the screen that suits the output.

    Args:
        names: of the answers.
        out: where they go; by default standard output.
        is_talk: whether who answers need not be said, if nobody else does.
    """
    out = out or sys.stdout
    if not is_live(out):
        return Lines(names, out)
    if len(names) == 1:
        return Straight("" if is_talk else names[0], out)
    width = shutil.get_terminal_size().columns
    if width // len(names) < _LEAST_WIDTH:
        return Lines(names, out)
    columns: Screen = load("llmlab_pytest.commands._columns:Columns")(names)
    return columns


def is_live(out: TextIO) -> bool:
    """Whether texts can be shown while they come, and overwritten."""
    quiet = os.environ.get("NO_COLOR") or os.environ.get("CI")
    return out.isatty() and os.environ.get("TERM") != "dumb" and not quiet


class Lines:
    """Shows each answer when it is whole.

    Args:
        names: of the answers.
        out: where they go.
    """

    def __init__(self, names: Sequence[str], out: TextIO) -> None:
        self._names = names
        self._out = out

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: lines stay."""

    def listener(self, _: int) -> None:
        """Nobody listens."""

    def end(self, place: int, answer: Answer) -> None:
        """Show the answer."""
        head = f"=== {self._names[place]}"
        if answer.completion is not None:
            head += f" · {facts_of(answer.completion)}"
        lines = [head, text_of(answer), *score_lines(answer), "", ""]
        self._out.write("\n".join(lines))
        self._out.flush()


class Straight:
    """Shows one answer as it comes.

    Args:
        name: of the answer; empty: none is shown.
        out: where it goes.
    """

    def __init__(self, name: str, out: TextIO) -> None:
        self._name = name
        self._out = out
        self._shown = ""
        self._has_ended = False

    def __enter__(self) -> Self:
        """Say whose answer it is."""
        if self._name:
            self._write(f"=== {self._name}\n")
        return self

    def __exit__(self, *_: object) -> None:
        """End the line of an answer that was stopped."""
        if self._shown and not self._has_ended:
            self._write("\n")

    def listener(self, _: int) -> Listener:
        """Return this."""
        return self

    def begin(self) -> None:
        """Say so, if a part of another attempt stands there."""
        if self._shown:
            self._write("\n--- it begins anew:\n")
        self._shown = ""

    def add(self, text: str) -> None:
        """Go on."""
        self._shown += text
        self._write(text)

    def end(self, _: int, answer: Answer) -> None:
        """Show what is missing of the answer, and what it took."""
        self._has_ended = True
        text = text_of(answer)
        if answer.completion is None:
            self._write(f"\n{text}\n" if self._shown else f"{text}\n")
            return
        if text.startswith(self._shown):
            self._write(text[len(self._shown) :])
        else:
            self._write(f"\n--- in full:\n{text}")
        lines = ["", f"--- {facts_of(answer.completion)}", *score_lines(answer), ""]
        self._write("\n".join(lines))

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
