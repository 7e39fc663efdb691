"""What the workers of a run want from their shared model, in the order of asking."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from llmlab_pytest.core import Completion, Request, batch_kind
from llmlab_pytest.providers._shared_messages import Answered, framed


@dataclass(eq=False, slots=True)
class Worker:
    """A connected worker."""

    writer: asyncio.StreamWriter
    is_here: bool = True

    def send(self, message: object) -> None:
        """Send a message; one that has gone misses it."""
        if self.is_here and not self.writer.is_closing():
            self.writer.write(framed(message))


@dataclass(eq=False, slots=True)
class Wanted:
    """One request of one worker, until it is answered or dropped."""

    worker: Worker
    number: int
    request: Request
    is_alone: bool
    is_open: bool = True

    def answer(self, completion: Completion) -> None:
        """Send the completion, once."""
        if self.is_open:
            self.is_open = False
            self.worker.send(Answered(self.number, completion))


@dataclass(slots=True)
class Queue:
    """What waits to be computed, in the order in which it came."""

    waiting: list[Wanted] = field(default_factory=list)

    def drop(self, worker: Worker) -> None:
        """Forget the requests of a worker."""
        self.waiting = [want for want in self.waiting if want.worker is not worker]

    def take(self, limit: int) -> list[Wanted]:
        """Take the first request, and those after it that may share its batch."""
        if not self.waiting:
            return []
        first = self.waiting[0]
        if first.is_alone:
            return [self.waiting.pop(0)]
        kind = batch_kind(first.request)
        batch = [
            want
            for want in self.waiting
            if not want.is_alone and batch_kind(want.request) == kind
        ][:limit]
        taken = set(map(id, batch))
        self.waiting = [want for want in self.waiting if id(want) not in taken]
        return batch


def by_worker(batch: Iterable[Wanted]) -> list[tuple[Worker, list[Wanted]]]:
    """Return the requests of each worker, in their order."""
    parts: dict[Worker, list[Wanted]] = {}
    for want in batch:
        parts.setdefault(want.worker, []).append(want)
    return list(parts.items())
