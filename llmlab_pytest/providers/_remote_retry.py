"""Try again when trying again can help: a few attempts, with back-off."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from llmlab_pytest.core import LlmlabError, ProviderError, RateLimited

T = TypeVar("T")
_RANDOM = random.SystemRandom()
LONGEST_WAIT_S = 60.0
"""A server that asks for more is not waited for."""


class Failed(Exception):
    """An attempt failed; holds the error and how long the server asks to wait."""

    def __init__(self, error: LlmlabError, wait_s: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential back-off with jitter; `Retry-After` is honoured as given."""

    attempts: int = 3
    rate_limited_attempts: int = 8
    """How often a server that only asks to slow down is asked."""
    first_wait_s: float = 0.5
    longest_wait_s: float = LONGEST_WAIT_S
    """A server that asks for more is not waited for: the error is raised at once."""

    async def run(
        self,
        attempt: Callable[[], Awaitable[T]],
        pay_again: Callable[[], Awaitable[None]] | None = None,
    ) -> tuple[T, int]:
        """Return the first success and the number of the attempt that brought it.

        Args:
            attempt: tries once.
            pay_again: awaited before another attempt if the last may be billed.

        Raises:
            LlmlabError: the last error; the first that is not retryable; or that of
                `pay_again`.
        """
        number = 1
        while True:
            try:
                return await attempt(), number
            except Failed as failed:
                error, wait_s = failed.error, self._wait_s(failed, number)
            # Outside the handler, so that the provider's exception, which may quote
            # the key, does not become part of the traceback.
            if wait_s is None:
                raise _with_attempts(error, number)
            await asyncio.sleep(wait_s)
            if pay_again is not None and error.may_be_billed:
                await pay_again()
            number += 1

    def _wait_s(self, failed: Failed, number: int) -> float | None:
        """Return how long to wait before the next attempt; `None`: give up."""
        error = failed.error
        if not isinstance(error, ProviderError) or not error.retryable:
            return None
        is_slow = isinstance(error, RateLimited)
        if number >= (self.rate_limited_attempts if is_slow else self.attempts):
            return None
        if failed.wait_s is not None:
            return failed.wait_s if failed.wait_s <= self.longest_wait_s else None
        ceiling = min(self.longest_wait_s, self.first_wait_s * 2.0 ** (number - 1))
        return ceiling * _RANDOM.uniform(0.5, 1.0)


def _with_attempts(error: LlmlabError, number: int) -> LlmlabError:
    if number == 1:
        return error
    seen = f"{error.seen} This was attempt {number}."
    return type(error)(seen, allowed=error.allowed, fix=error.fix)
