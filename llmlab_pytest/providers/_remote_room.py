"""How many requests a process may have in flight, alone or beside others."""

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol


class Time(Protocol):
    """A point in time, seconds of a clock that only grows."""

    @property
    def value(self) -> float:
        """The time."""

    def change(self, new: Callable[[float], float]) -> float:
        """Replace the time by what `new` makes of it, and return that."""


class Room(Protocol):
    """What those who ask one server have in common."""

    requests_due: Time
    """When the requests that were sent would be due at the limit per minute."""
    tokens_due: Time
    """Likewise, of tokens."""
    paused_until: Time
    """Until when nobody may send anything."""
    cut_at: Time
    """When the server last said that it is too much."""

    def note(self, *, in_flight: int, waiting: int) -> None:
        """Say what this process has."""

    def take(self, *, in_flight: int, waiting: int, now: float) -> bool:
        """Take one more place, and say whether there was one.

        Args:
            in_flight: how many places this process has.
            waiting: how many it wants besides.
            now: the time.
        """


class OwnTime:
    """A time that only this process sees."""

    def __init__(self, value: float) -> None:
        self.value = value

    def change(self, new: Callable[[float], float]) -> float:
        """Replace the time by what `new` makes of it, and return that."""
        self.value = new(self.value)
        return self.value


class Alone:
    """A process that nobody else shares a server with: every place is its own."""

    def __init__(self) -> None:
        self.requests_due = OwnTime(0.0)
        self.tokens_due = OwnTime(0.0)
        self.paused_until = OwnTime(0.0)
        self.cut_at = OwnTime(0.0)

    def note(self, **_: float) -> None:
        """Tell nobody."""

    def take(self, **_: float) -> bool:
        """Take one more place."""
        return True


class Row(NamedTuple):
    """What one of several processes has."""

    in_flight: int
    waiting: int
    """Requests that are not sent yet."""
    since: float
    """Since when it waits for others, on the machine's clock; 0: it does not."""


def room_of(mine: Row, others: Collection[Row], *, most: int) -> int:
    """Return how many one process may have in flight beside others.

    What nobody else wants is free for all. Where others wait, each has its part. A
    place that is given back goes to whoever has waited longest below its part: without
    that, one would never get in, since who gives it back is the first to see it.

    Args:
        mine: the row of the process that asks.
        others: those of the others.
        most: of all together.
    """
    free = most - sum(row.in_flight for row in others)
    wanting = [row for row in others if row.waiting]
    if not wanting:
        return max(0, free)
    busy = sum(1 for row in others if row.waiting or row.in_flight)
    part = max(1, most // (busy + 1))
    earlier = [
        row
        for row in wanting
        if 0.0 < row.since < (mine.since or float("inf")) and row.in_flight < part
    ]
    return max(0, min(part, free - len(earlier)))
