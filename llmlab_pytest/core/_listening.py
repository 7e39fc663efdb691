"""Who hears an answer while it is written: a listener, one per request.

Listening changes nothing about an answer. It goes past the protocol of a model, since
most callers want the whole answer only: a model that writes piece by piece looks here
whether somebody listens.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Listener(Protocol):
    """Hears one answer, on the event loop that asks the model; it must not wait.

    What it hears is a preview. The completion counts: it may come without pieces (from
    a cache, from a model that writes none), and has known secrets taken out.
    """

    def begin(self) -> None:
        """Take note that the text starts anew: what was heard before is void."""

    def add(self, text: str) -> None:
        """Take the next piece of the text."""


_listeners: ContextVar[Sequence[Listener | None]] = ContextVar(
    "llmlab_listeners", default=()
)


@contextmanager
def listening(listeners: Sequence[Listener | None]) -> Iterator[None]:
    """Let listeners hear the answers of the one call that is made in here.

    Args:
        listeners: one per request of the call, in their order.
    """
    token = _listeners.set(listeners)
    try:
        yield
    finally:
        _listeners.reset(token)


def listeners_here(count: int) -> Sequence[Listener | None]:
    """Return who listens to a call of `count` requests: one or `None` for each."""
    listeners = _listeners.get()
    return listeners if len(listeners) == count else [None] * count
