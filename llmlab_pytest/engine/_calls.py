"""A call: one request to one model, addressed so that a resumed run finds it."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import cached_property
from typing import NamedTuple

from llmlab_pytest.core import Completion, Listener, ModelSpec, Request, batch_kind


class Allowance(NamedTuple):
    """What one test may spend, or several together."""

    name: str
    """The test, or what the tests have in common: whoever names it shares it."""
    usd: float
    is_shared: bool = False
    """Whether it is for several tests; when it is spent, the others are left out."""


class Asker(NamedTuple):
    """Who makes a call: a sample of a task, or a test."""

    item: str
    """The sample's id, or the test's node id."""
    is_test: bool = False
    allowance: Allowance | None = None
    """What it may spend; `None`: as much as the run."""

    @property
    def place(self) -> str:
        """The test that asks; empty for a sample."""
        return self.item if self.is_test else ""


_NOBODY = Asker("")


class Call:
    """What the engine is asked to do; the request is built when it is started.

    Args:
        key: unique per call and equal in every run that makes the same call.
        spec: the model.
        build: makes the request; called once, on the engine's thread.
        owner: what the call belongs to, for the store: a task or a test file.
        epoch: which of several draws this is: the sample's epoch, or how often this
            test has asked the same.
        asker: the sample or test, so that its answers are told from those of others.
    """

    def __init__(
        self,
        *,
        key: str,
        spec: ModelSpec,
        build: Callable[[], Request],
        owner: str = "",
        epoch: int = 1,
        asker: Asker = _NOBODY,
    ) -> None:
        self.key = key
        self.spec = spec
        self.owner = owner
        self.epoch = epoch
        self.asker = asker
        self.then: Callable[[Completion], None] | None = None
        """What to do with the answer if the call was started ahead of need, on the
        engine's loop: it starts something and does not wait."""
        self.listener: Listener | None = None
        """Hears the answer while the model writes it, on the engine's loop."""
        self._build = build

    @cached_property
    def request(self) -> Request:
        """The request; raises whatever building it raises."""
        return self._build()

    def __repr__(self) -> str:
        """Show model and owner; the key is a digest."""
        return f"<Call {self.owner} on {self.spec.alias}>"


class Answered(NamedTuple):
    """A call and its completion."""

    call: Call
    completion: Completion


class Job:
    """A call under way: its future and whether it was started ahead of need."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.future: Future[Completion] = Future()
        # From here on a caller's cancel() has no effect: the answer is paid for.
        self.future.set_running_or_notify_cancel()
        self.is_started = False
        self.is_looked_up = False
        self.asks_itself = False
        """Whether it waits for no other that asks the same."""

    def batch_kind(self) -> object:
        """Return what the jobs of one batch must have in common."""
        return batch_kind(self.call.request)
