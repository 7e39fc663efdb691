"""The engine's journal with the cache of answers behind it."""

import threading
from collections.abc import Sequence

from llmlab_pytest.cache import AnswerCache, Asked, draw_of
from llmlab_pytest.core import Completion, Json, LlmlabError, ModelSpec, NotRecorded
from llmlab_pytest.engine import Answered, Call
from llmlab_pytest.providers import identity_of
from llmlab_pytest.session._journal import StoreJournal
from llmlab_pytest.session._settings import CacheMode
from llmlab_pytest.store import recalled, request_json


class CachedJournal:
    """Asks the cache where this run has no answer yet, and keeps new answers in it.

    An answer of the cache becomes one of this run, so that the run is complete in its
    store. Errors are not kept: the next run asks again.

    Args:
        journal: of this run.
        cache: of all runs.
        mode: `refresh` reads nothing, `only` asks no model.
    """

    def __init__(
        self, journal: StoreJournal, cache: AnswerCache, *, mode: CacheMode
    ) -> None:
        self._journal = journal
        self._cache = cache
        self._mode = mode
        self._identities: dict[str, dict[str, Json] | None] = {}
        self._identifying = threading.Lock()

    def prepare(self, spec: ModelSpec) -> None:
        """Digest what decides a model's answers, while the engine does other things."""
        self._identity(spec)

    def lookup(self, call: Call) -> Completion | None:
        """Return the answer of this run, if it is resumed, or of the cache.

        Raises:
            NotRecorded: neither has it, and the mode is `only`.
        """
        earlier = self._journal.lookup(call)
        if earlier is not None or self._mode == "refresh":
            return earlier
        asked = self._asked(call)
        found = self._cache.get(asked) if asked else None
        if found is None:
            if self._mode == "only":
                raise self._missing(call, is_known=asked is not None)
            return None
        completion = recalled(found, alias=call.spec.alias, source="cache")
        self._journal.record([Answered(call, completion)])
        return completion

    def holds(self, call: Call) -> bool:
        """Whether `lookup` would find an answer; keeps nothing."""
        if self._journal.holds(call):
            return True
        asked = None if self._mode == "refresh" else self._asked(call)
        return asked is not None and self._cache.get(asked) is not None

    def address(self, call: Call, /) -> str | None:
        """Return where the answer will stand in the cache, if it is read from there."""
        asked = self._asked(call) if self._mode == "auto" else None
        return None if asked is None else asked.address

    def record(self, answered: Sequence[Answered]) -> None:
        """Keep answers in this run and for later ones."""
        self._journal.record(answered)
        for call, completion in answered:
            if asked := self._asked(call):
                self._cache.put(asked, completion)

    def record_error(self, call: Call, error: LlmlabError) -> None:
        """Record in this run that a call failed."""
        self._journal.record_error(call, error)

    def close(self) -> None:
        """Close the cache."""
        self._cache.close()

    def _asked(self, call: Call) -> Asked | None:
        identity = self._identity(call.spec)
        if identity is None:
            return None
        request = request_json(call.request)
        draw = draw_of(request, epoch=call.epoch, place=call.asker.place)
        return Asked.of(identity, request, draw)

    def _identity(self, spec: ModelSpec) -> dict[str, Json] | None:
        key = f"{spec.alias}:{spec.fingerprint}"
        with self._identifying:
            if key not in self._identities:
                self._identities[key] = identity_of(spec)
            return self._identities[key]

    def _missing(self, call: Call, *, is_known: bool) -> NotRecorded:
        alias, path = call.spec.alias, str(self._cache.path)
        if not is_known:
            return NotRecorded(
                f"The answers of {alias!r} ({call.spec.provider}) cannot be cached.",
                allowed="With --llmlab-cache only, no model is asked. What decides an "
                "answer is known of litellm, local weights that exist, and scripts.",
                fix="Run it with --llmlab-cache auto.",
            )
        return NotRecorded(
            f"The cache {path!r} has no answer of {alias!r} for {call.owner!r}.",
            allowed="With --llmlab-cache only, no model is asked.",
            fix="Run it once with --llmlab-cache auto.",
        )
