"""Who pays for calls: money is held before a call and settled after it."""

from collections.abc import Sequence
from typing import Protocol

from llmlab_pytest.core import Completion, LlmlabError, Model
from llmlab_pytest.engine._calls import Call


class Purse(Protocol):
    """Called on the engine's event loop, around every call that is really made."""

    async def hold(self, model: Model, calls: Sequence[Call]) -> None:
        """Hold the worst case of each call; waits while others hold what is left.

        Raises:
            BudgetExceeded: the calls do not fit into what is left.
            ConfigError: what a call can cost at most is not known.
        """

    async def hold_again(self, model: Model, calls: Sequence[Call]) -> None:
        """Book an attempt that failed at its worst case, and hold that of another.

        Raises what `hold` raises.
        """

    def settle(self, call: Call, completion: Completion) -> None:
        """Book what an answered call cost."""

    def fail(self, call: Call, error: LlmlabError) -> None:
        """Book a call that failed."""


class OpenPurse:
    """Pays everything and books nothing; for engines without a store."""

    async def hold(self, model: Model, calls: Sequence[Call]) -> None:
        """Hold nothing."""

    async def hold_again(self, model: Model, calls: Sequence[Call]) -> None:
        """Book and hold nothing."""

    def settle(self, call: Call, completion: Completion) -> None:
        """Book nothing."""

    def fail(self, call: Call, error: LlmlabError) -> None:
        """Book nothing."""
