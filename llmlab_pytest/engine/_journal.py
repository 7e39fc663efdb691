"""Where the engine looks for earlier completions and leaves new ones."""

from collections.abc import Sequence
from typing import Protocol

from llmlab_pytest.core import Completion, LlmlabError
from llmlab_pytest.engine._calls import Answered, Call


class Journal(Protocol):
    """Called on the engine's thread; each method is durable when it returns."""

    def lookup(self, call: Call) -> Completion | None:
        """Return an answer that is kept, marked `resumed` or with its `original`.

        Raises:
            NotRecorded: there is none, and no model may be asked.
        """

    def address(self, call: Call, /) -> str | None:
        """Return under what the answer will be found by all calls that ask the same.

        `None`: each asks for an answer of its own.
        """

    def record(self, answered: Sequence[Answered]) -> None:
        """Keep completions, before anyone sees them."""

    def record_error(self, call: Call, error: LlmlabError) -> None:
        """Keep why a call failed."""


class NullJournal:
    """Remembers nothing; for engines without a store."""

    def lookup(self, call: Call) -> Completion | None:  # noqa: ARG002 -- the protocol's signature
        """Find nothing."""
        return None

    def address(self, _: Call, /) -> str | None:
        """Let every call ask."""
        return None

    def record(self, answered: Sequence[Answered]) -> None:
        """Forget the completions."""

    def record_error(self, call: Call, error: LlmlabError) -> None:
        """Forget the error."""
