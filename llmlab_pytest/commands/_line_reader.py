"""What a user types: lines with history and completion, or several lines at once."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from platformdirs import user_state_path

from llmlab_pytest.core import MissingDependency, load, redact

_PROMPT, _MORE = "> ", ". "
_BLOCK = '"""'
_MOST_LINES = 1000
"""Of the history."""


class LineReader:
    """Reads what a user says.

    A line that ends with a backslash goes on in the next one; three quotes begin and
    end a text of several lines. On a terminal, arrows bring back earlier lines, in this
    chat or others: they are kept in a file for this user alone, without secrets.

    Args:
        complete: returns how a beginning of a line may go on.
        history: the file; by default in the user's state folder.
    """

    def __init__(
        self, complete: Callable[[str], Sequence[str]], history: Path | None = None
    ) -> None:
        self._is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        self._history = history or user_state_path("llmlab-pytest") / "chat_history"
        self._readline = self._set_up(complete) if self._is_terminal else None

    def read(self) -> str | None:
        """Return what was said; `None` at the end.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        line = self._line(_PROMPT)
        if line is None:
            return None
        if line.startswith(_BLOCK):
            return self._block(line.removeprefix(_BLOCK))
        lines = []
        while line is not None and line.endswith("\\"):
            lines.append(line.removesuffix("\\"))
            line = self._line(_MORE)
        return "\n".join([*lines, line or ""])

    def close(self) -> None:
        """Keep the history; that it cannot be written is no reason to complain."""
        if self._readline is None:
            return
        with suppress(OSError):
            self._history.parent.mkdir(parents=True, exist_ok=True)
            # Created by us, so that nobody else ever could read it.
            os.close(os.open(self._history, os.O_CREAT | os.O_WRONLY, 0o600))
            self._readline.set_history_length(_MOST_LINES)
            self._readline.write_history_file(str(self._history))

    def _block(self, first: str) -> str:
        lines = [first] if first else []
        while not (lines and lines[-1].endswith(_BLOCK)):
            line = self._line(_MORE)
            if line is None:
                return "\n".join(lines)
            lines.append(line)
        return "\n".join(lines).removesuffix(_BLOCK).rstrip("\n")

    def _line(self, shown: str) -> str | None:
        if not self._is_terminal:
            line = sys.stdin.readline()
            return line.rstrip("\n") if line else None
        try:
            line = input(shown)
        except EOFError:
            sys.stdout.write("\n")
            return None
        if line.strip() and self._readline is not None:
            self._readline.add_history(redact(line))
        return line

    def _set_up(self, complete: Callable[[str], Sequence[str]]) -> ModuleType | None:
        """Return readline as we want it; `None` where Python has none."""
        try:
            readline: ModuleType = load("readline")
        except MissingDependency:
            return None
        readline.set_auto_history(False)
        readline.clear_history()
        with suppress(OSError):
            readline.read_history_file(str(self._history))
        readline.set_completer_delims("")
        readline.set_completer(lambda text, n: _nth(complete(text), n))
        readline.parse_and_bind("tab: complete")
        return readline


def _nth(texts: Sequence[str], number: int) -> str | None:
    return texts[number] if number < len(texts) else None
