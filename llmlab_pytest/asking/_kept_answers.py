"""Answers of earlier runs and tries, for who asks outside of a run."""

from collections.abc import Sequence

from llmlab_pytest.cache import AnswerCache, Asked, draw_of
from llmlab_pytest.core import Completion, Json, LlmlabError, ModelSpec
from llmlab_pytest.engine import Answered, Call
from llmlab_pytest.providers import identity_of
from llmlab_pytest.store import recalled, request_json


class KeptAnswers:
    """A journal of the engine that reads the cache, and keeps new answers in it.

    Whether an answer is streamed does not decide it: those of runs, which mostly are
    not, serve here too.

    Args:
        cache: of all runs.
    """

    def __init__(self, cache: AnswerCache) -> None:
        self._cache = cache
        self._identities: dict[str, dict[str, Json] | None] = {}

    def lookup(self, call: Call) -> Completion | None:
        """Return an answer that is kept, with what it took once."""
        asked = self._asked(call)
        found = None if asked is None else self._cache.get(asked)
        if found is None:
            return None
        return recalled(found, alias=call.spec.alias, source="cache")

    def address(self, call: Call, /) -> str | None:
        """Return where the answer will stand in the cache."""
        asked = self._asked(call)
        return None if asked is None else asked.address

    def record(self, answered: Sequence[Answered]) -> None:
        """Keep answers."""
        for call, completion in answered:
            if asked := self._asked(call):
                self._cache.put(asked, completion)

    def record_error(self, call: Call, error: LlmlabError) -> None:
        """Keep nothing: who asks again may have more luck."""

    def _asked(self, call: Call) -> Asked | None:
        identity = self._identity(call.spec)
        if identity is None:
            return None
        request = request_json(call.request)
        if "config" in request:
            request["config"]["stream"] = False
        return Asked.of(identity, request, draw_of(request, epoch=call.epoch, place=""))

    def _identity(self, spec: ModelSpec) -> dict[str, Json] | None:
        key = f"{spec.alias}:{spec.fingerprint}"
        if key not in self._identities:
            self._identities[key] = identity_of(spec)
        return self._identities[key]
