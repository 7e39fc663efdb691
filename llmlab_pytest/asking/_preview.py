"""An answer on its way, fit to be shown: without secrets and control characters."""

import asyncio

from llmlab_pytest.core import Listener, RedactedPieces, escape_control


class Preview:
    """Hears an answer on the engine's loop; tells it on the loop of who asked.

    Args:
        listener: is told what can be shown, a little later than it was written where a
            secret may begin. The rest comes with the completion.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._pieces = RedactedPieces()

    def begin(self) -> None:
        """Tell that the text starts anew."""
        self._pieces = RedactedPieces()
        self._loop.call_soon_threadsafe(self._listener.begin)

    def add(self, text: str) -> None:
        """Tell what of this piece, and those before it, can be shown now."""
        if shown := escape_control(self._pieces.add(text)):
            self._loop.call_soon_threadsafe(self._listener.add, shown)
