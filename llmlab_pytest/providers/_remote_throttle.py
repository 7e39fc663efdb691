"""How much is sent to one server at once: as much as it answers at its pace.

The number of requests in flight begins moderate and grows by one with each answer, so
it doubles in the time of one answer, until the server says that it is too much; then
it is halved, and grows by one per round. That is how TCP shares a line (Jacobson,
"Congestion Avoidance and Control", 1988): several processes that do so find their
parts without talking to each other. Limits per minute are kept by the generic cell
rate algorithm (ITU-T I.371), which spreads requests over the minute.

Everything here runs on one event loop, so nothing needs a lock.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from llmlab_pytest.core import ProviderTimeout, ProviderUnavailable, RateLimited
from llmlab_pytest.providers._remote_retry import LONGEST_WAIT_S, Failed

_FIRST_LIMIT = 16
_OVERLOADED = (RateLimited, ProviderTimeout, ProviderUnavailable)
_SLOWER = 3.0
"""Answers that take so many times as long as the first ones stop the growth."""
_RECENT = 0.1
"""Weight of the last answer in the mean of recent latencies."""


class Rate:
    """A limit per minute; what is taken together may run ahead by a second's worth.

    Args:
        per_minute: how many may be taken.
    """

    def __init__(self, per_minute: float) -> None:
        self._interval_s = 60.0 / per_minute
        self._ahead_s = 1.0
        self._due = 0.0

    def take(self, count: float, *, now: float) -> None:
        """Take `count`; a negative one gives back."""
        self._due = max(self._due, now) + count * self._interval_s

    def wait_s(self, *, now: float) -> float:
        """Return how long to wait before more may be taken, seconds."""
        return max(0.0, self._due - self._ahead_s - now)


class Throttle:
    """Lets requests to one server through.

    Args:
        most: how many may be in flight, at most.
        requests: how many requests a minute.
        tokens: how many tokens a minute.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        most: int,
        *,
        requests: Rate | None = None,
        tokens: Rate | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = float(min(most, _FIRST_LIMIT))
        self.in_flight = 0
        self._used = 0.0
        """Most in flight of late."""
        self._most = most
        self._requests = requests
        self._tokens = tokens
        self._clock = clock
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._paused_until = 0.0
        self._is_cut = False
        self._cut_at = float("-inf")
        self._answers = 0
        self._usual_s = self._recent_s = 0.0

    @asynccontextmanager
    async def turn(self, tokens: int) -> AsyncIterator["Turn"]:
        """Wait until a request may be sent, and hold its place until it has ended.

        Args:
            tokens: how many it will use, as far as anybody can know.
        """
        await self._enter(tokens)
        now = self._clock()
        turn = Turn(used_tokens=tokens)
        try:
            yield turn
        except Failed as failed:
            self._slow_down(failed, started=now)
            raise
        else:
            self._speed_up(self._clock() - now)
            self._pause(turn.pause_s)
            if self._tokens is not None:
                self._tokens.take(turn.used_tokens - tokens, now=self._clock())
        finally:
            self.in_flight -= 1
            self._admit()

    async def _enter(self, tokens: int) -> None:
        """Take a place in flight, in the order of asking."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((place, tokens))
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was let in at that moment
                self.in_flight -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and self.in_flight < int(self.limit):
            now = self._clock()
            if (wait_s := self._wait_s(now)) > 0:
                self._come_back_in(wait_s)
                return
            place, tokens = self._waiting.popleft()
            if place.done():  # nobody waits any more
                continue
            self.in_flight += 1
            self._used = max(self._used, float(self.in_flight))
            place.set_result(None)
            for rate, count in ((self._requests, 1), (self._tokens, tokens)):
                if rate is not None:
                    rate.take(count, now=now)

    def _come_back_in(self, wait_s: float) -> None:
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(wait_s, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self._admit()

    def _wait_s(self, now: float) -> float:
        rates = [rate for rate in (self._requests, self._tokens) if rate is not None]
        waits = [rate.wait_s(now=now) for rate in rates]
        return max(self._paused_until - now, *waits, 0.0)

    def _slow_down(self, failed: Failed, *, started: float) -> None:
        if not isinstance(failed.error, _OVERLOADED):
            return
        now = self._clock()
        self._pause(failed.wait_s)
        # Of requests that were sent together, only the first failure halves.
        if started > self._cut_at:
            self.limit = max(1.0, self.limit / 2)
            self._cut_at = now
            self._is_cut = True

    def _pause(self, wait_s: float | None) -> None:
        # Whoever is asked to wait for longer gives up at once: then the others are to
        # be sent, and to give up too, rather than to wait for hours.
        if wait_s is not None and wait_s <= LONGEST_WAIT_S:
            self._paused_until = max(self._paused_until, self._clock() + wait_s)

    def _speed_up(self, latency_s: float) -> None:
        self._answers += 1
        part = 1.0 / min(self._answers, _FIRST_LIMIT)
        self._recent_s += max(part, _RECENT) * (latency_s - self._recent_s)
        if self._answers <= _FIRST_LIMIT:
            self._usual_s += part * (latency_s - self._usual_s)
        # A limit that nobody comes near proves nothing about a larger one.
        is_used = 2 * self._used >= self.limit
        self._used += (self.in_flight - self._used) / self.limit
        if is_used and self._recent_s <= _SLOWER * self._usual_s:
            step = 1.0 / self.limit if self._is_cut else 1.0
            self.limit = min(float(self._most), self.limit + step)


class Turn:
    """A request under way."""

    def __init__(self, *, used_tokens: int) -> None:
        self.used_tokens = used_tokens
        """How many tokens it used; a guess until its answer says."""
        self.pause_s: float | None = None
        """How long nobody may send anything, by its answer."""
