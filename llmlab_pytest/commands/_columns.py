"""Answers side by side on a terminal, while they are written. Imports rich."""

from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from llmlab_pytest.asking import Answer
from llmlab_pytest.commands._answer_lines import facts_of, score_lines, text_of
from llmlab_pytest.core import Listener

_PER_SECOND = 12
_OTHER_LINES = 3
"""Names, facts, and the cursor's line."""
_GAP = 2


class Columns:
    """Shows a column per answer.

    While texts grow, the last lines that fit are seen; at the end, also one by Ctrl-C,
    all of them are written below each other, so that they can be scrolled back to.

    Args:
        names: of the answers.
        console: where they go; by default standard output.
    """

    def __init__(self, names: Sequence[str], console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._columns = [_Column(name) for name in names]
        self._live = Live(
            console=self._console,
            get_renderable=self._last_lines,
            refresh_per_second=_PER_SECOND,
            transient=True,
        )

    def __enter__(self) -> Self:
        """Begin to show."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write all of it."""
        self._live.stop()
        self._console.print(self._table(None))

    def listener(self, place: int) -> Listener:
        """Return the column."""
        return self._columns[place]

    def end(self, place: int, answer: Answer) -> None:
        """Show the whole answer, what it took, and its scores."""
        column = self._columns[place]
        column.text = text_of(answer)
        done = answer.completion
        facts = ["no answer" if done is None else facts_of(done), *score_lines(answer)]
        column.facts = "\n".join(facts)

    def _last_lines(self) -> Table:
        taken = max(column.facts.count("\n") for column in self._columns)
        return self._table(max(1, self._console.height - _OTHER_LINES - taken))

    def _table(self, most_lines: int | None) -> Table:
        """Draw the columns.

        Args:
            most_lines: of a text, the last ones; `None`: all.
        """
        count = len(self._columns)
        width = self._console.width // count - _GAP
        table = Table.grid(padding=(0, _GAP, 0, 0))
        for _ in self._columns:
            table.add_column(width=width, overflow="fold")
        texts = []
        for column in self._columns:
            lines = Text(column.text).wrap(self._console, width, overflow="fold")
            shown = lines if most_lines is None else lines[-most_lines:]
            texts.append(Text("\n").join(shown))
        table.add_row(*(Text(column.name, style="bold") for column in self._columns))
        table.add_row(*texts)
        table.add_row(*(Text(column.facts, style="dim") for column in self._columns))
        return table


class _Column:
    """One answer on its way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.facts = "…"

    def begin(self) -> None:
        """Start anew."""
        self.text = ""

    def add(self, text: str) -> None:
        """Go on."""
        self.text += text
