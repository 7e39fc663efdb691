"""The calls of one property test: the same request is asked once, and not too many are.

Hypothesis runs a test function many times, and most often while it shrinks. It has to
see the same answer to the same prompt each time, else it calls the test flaky.
"""

from collections.abc import Callable
from concurrent.futures import Future

from llmlab_pytest.core import Completion, ModelSpec, Request, digest_of
from llmlab_pytest.store import request_json


# No Exception: a test that catches what its model raises must not catch this. Whoever
# runs the test does.
class CallsSpent(BaseException):
    """A property test may not ask anything more."""


class PropertyCalls:
    """What a property test has asked, and how much it may ask.

    Args:
        limit: the most different requests; asking one again is free.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.is_spent = False
        """Whether a call was refused."""
        self._asked: dict[str, Future[Completion]] = {}
        self._observed: set[int] = set()

    @property
    def asked(self) -> int:
        """How many different requests were made."""
        return len(self._asked)

    def get(
        self,
        spec: ModelSpec,
        request: Request,
        ask: Callable[[ModelSpec, Request], "Future[Completion]"],
    ) -> "Future[Completion]":
        """Return the answer of before to this request, or ask now.

        Args:
            spec: the model.
            request: with nothing left open.
            ask: starts the call.

        Raises:
            CallsSpent: it was not asked before, and the limit is reached.
        """
        key = digest_of([spec.fingerprint, request_json(request)])
        if key not in self._asked:
            if self.asked >= self.limit:
                self.is_spent = True
                raise CallsSpent
            self._asked[key] = ask(spec, request)
        return self._asked[key]

    def is_first_sight(self, completion: Completion) -> bool:
        """Tell whether the test receives an answer for the first time."""
        # The futures keep the completions alive, so that no id is used again.
        is_first = id(completion) not in self._observed
        self._observed.add(id(completion))
        return is_first
