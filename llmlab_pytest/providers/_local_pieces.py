"""What a local model has written so far, told to who listens."""

from collections.abc import Callable, Sequence

from llmlab_pytest.core import Listener, open_end

_CUT_CHARACTER = "\ufffd"
"""Stands for bytes that are no whole character yet."""


class Pieces:
    """Tells the text of one row while its tokens come.

    The tokens of a character can come one by one, and the first tokens of a stop string
    may be text after all: both are held until that is known.

    Args:
        listener: hears the text.
        detokenize: token ids to text.
        stops: where the text ends.
    """

    def __init__(
        self,
        listener: Listener,
        detokenize: Callable[[Sequence[int]], str],
        stops: Sequence[str],
    ) -> None:
        self._listener = listener
        self._detokenize = detokenize
        self._stops = stops
        self._said = ""
        self._read = ""
        """The text of the tokens up to `_known`."""
        self._from = self._known = 0
        listener.begin()

    def restart(self) -> None:
        """Read the row from its beginning; what comes out alike is not told again."""
        self._read = ""
        self._from = self._known = 0

    def take(self, tokens: Sequence[int]) -> None:
        """Look at a row that goes on.

        Args:
            tokens: all of the row.
        """
        # Only the last tokens are read again: a token can change how the one before
        # it is written, not those far before.
        before = self._detokenize(tokens[self._from : self._known])
        after = self._detokenize(tokens[self._from :])
        if len(after) <= len(before) or after.endswith(_CUT_CHARACTER):
            return
        self._read += after[len(before) :]
        self._from, self._known = self._known, len(tokens)
        self._tell(self._read[: len(self._read) - open_end(self._read, self._stops)])

    def end(self, text: str) -> None:
        """Tell what is missing of the whole text, or all if it came out otherwise."""
        self._tell(text)
        if self._said != text:
            self._say_anew(text)

    def _tell(self, text: str) -> None:
        if text.startswith(self._said):
            if text != self._said:
                self._listener.add(text[len(self._said) :])
                self._said = text
        elif not self._said.startswith(text):  # else it has yet to catch up
            self._say_anew(text)

    def _say_anew(self, text: str) -> None:
        self._listener.begin()
        self._listener.add(text)
        self._said = text
