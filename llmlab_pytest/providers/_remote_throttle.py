"""How much is sent to one server at once: as much as it answers at its pace.

The number of requests in flight begins moderate and grows by one with each answer, so
it doubles in the time of one answer, until the server says that it is too much; then
it is halved, and grows by one per round, as TCP shares a line (Jacobson, "Congestion
Avoidance and Control", 1988). Limits per minute are kept by the generic cell rate
algorithm (ITU-T I.371), which spreads requests over the minute. The workers of xdist
share the limits, the places in flight, pauses, and the news that it is too much.

Everything here runs on one event loop, so nothing needs a lock.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from llmlab_pytest.core import ProviderTimeout, ProviderUnavailable, RateLimited
from llmlab_pytest.providers._remote_retry import LONGEST_WAIT_S, Failed
from llmlab_pytest.providers._remote_room import Alone, Room, Time

_FIRST_LIMIT = 16
_OVERLOADED = (RateLimited, ProviderTimeout, ProviderUnavailable)
_SLOWER = 3.0
"""Answers that take so many times as long as the first ones stop the growth."""
_LOOK_S = 0.01
"""Between two looks whether another process has given back a place."""
_RECENT = 0.1
"""Weight of the last answer in the mean of recent latencies."""


class Rate:
    """A limit per minute; what is taken together may run ahead by a second's worth.

    Args:
        per_minute: how many may be taken.
        due: when what was taken so far is due.
    """

    def __init__(self, per_minute: float, due: Time) -> None:
        self._interval_s = 60.0 / per_minute
        self._ahead_s = 1.0
        self._due = due

    def take(self, count: float, *, now: float) -> None:
        """Take `count`; a negative one gives back."""
        taken_s = count * self._interval_s
        self._due.change(lambda due: max(due, now) + taken_s)

    def wait_s(self, *, now: float) -> float:
        """Return how long to wait before more may be taken, seconds."""
        return max(0.0, self._due.value - self._ahead_s - now)


class Throttle:
    """Lets requests to one server through.

    Args:
        most: how many may be in flight, at most.
        requests_per_minute: how many requests; `None`: no limit.
        tokens_per_minute: how many tokens; `None`: no limit.
        room: what is shared with other processes; by default there are none.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        most: int,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        room: Room | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = float(min(most, _FIRST_LIMIT))
        self.in_flight = 0
        self._used = 0.0
        """Most in flight of late."""
        self._most = most
        self._room = room or Alone()
        self._requests = _rate(requests_per_minute, self._room.requests_due)
        self._tokens = _rate(tokens_per_minute, self._room.tokens_due)
        self._clock = clock
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._is_cut = False
        self._cut_at = self._room.cut_at.value
        """The last cut that was followed."""
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
        self._follow_cut()
        while self._next_waits() and self.in_flight < int(self.limit):
            now = self._clock()
            if (wait_s := self._wait_s(now)) > 0:
                self._come_back_in(wait_s)
                break
            has = {"in_flight": self.in_flight, "waiting": len(self._waiting)}
            if not self._room.take(**has, now=now):
                self._come_back_in(_LOOK_S)
                return
            self._let_in(now)
        self._room.note(in_flight=self.in_flight, waiting=len(self._waiting))

    def _next_waits(self) -> bool:
        """Forget those who wait no more; say whether there is another one."""
        while self._waiting and self._waiting[0][0].done():
            self._waiting.popleft()
        return bool(self._waiting)

    def _let_in(self, now: float) -> None:
        place, tokens = self._waiting.popleft()
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
        return max(self._room.paused_until.value - now, *waits, 0.0)

    def _slow_down(self, failed: Failed, *, started: float) -> None:
        if not isinstance(failed.error, _OVERLOADED):
            return
        now = self._clock()
        self._pause(failed.wait_s)
        # Of requests that were sent together, only the first failure halves.
        self._room.cut_at.change(lambda cut_at: now if started > cut_at else cut_at)
        self._follow_cut()

    def _follow_cut(self) -> None:
        """Halve when the server has had too much, of whichever process."""
        if self._cut_at != (cut_at := self._room.cut_at.value):
            self._cut_at = cut_at
            self.limit = max(1.0, self.limit / 2)
            self._is_cut = True

    def _pause(self, wait_s: float | None) -> None:
        # Whoever is asked to wait for longer gives up at once: then the others are to
        # be sent, and to give up too, rather than to wait for hours.
        if wait_s is not None and wait_s <= LONGEST_WAIT_S:
            until = self._clock() + wait_s
            self._room.paused_until.change(lambda paused: max(paused, until))

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


def _rate(per_minute: int | None, due: Time) -> Rate | None:
    return None if per_minute is None else Rate(per_minute, due)


class Turn:
    """A request under way."""

    def __init__(self, *, used_tokens: int) -> None:
        self.used_tokens = used_tokens
        """How many tokens it used; a guess until its answer says."""
        self.pause_s: float | None = None
        """How long nobody may send anything, by its answer."""
