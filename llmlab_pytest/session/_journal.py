"""The engine's journal: what is asked and answered goes into the store at once."""

from collections.abc import Sequence
from dataclasses import replace

from llmlab_pytest.core import (
    BudgetExceeded,
    Completion,
    LlmlabError,
    ModelSpec,
    ProviderDown,
    redact,
)
from llmlab_pytest.engine import Answered, Call
from llmlab_pytest.store import Exchange, Store, request_json


class StoreJournal:
    """Records completions under their call's key; finds those of a resumed run."""

    def __init__(self, store: Store, *, run_id: str, resume: bool) -> None:
        self._store = store
        self._run_id = run_id
        self._resume = resume

    def prepare(self, spec: ModelSpec) -> None:
        """Do nothing: what this run has of a model is found by the call's key."""

    def lookup(self, call: Call) -> Completion | None:
        """Return the completion of an earlier, interrupted run."""
        if not self._resume:
            return None
        earlier = self._store.completion(self._run_id, call.key)
        return earlier and replace(earlier, resumed=True)

    def holds(self, call: Call) -> bool:
        """Whether `lookup` would find an answer."""
        return self.lookup(call) is not None

    def address(self, _: Call, /) -> str | None:
        """Let every call ask: this run keeps an answer for each."""
        return None

    def record(self, answered: Sequence[Answered]) -> None:
        """Make completions durable before anyone sees them, in one transaction."""
        exchanges: dict[str, Exchange] = {}
        for call, completion in answered:
            exchange = Exchange(
                owner=call.owner,
                model=call.spec.alias,
                request=request_json(call.request),
                completion=completion,
            )
            exchanges.setdefault(call.key, exchange)
        self._store.record_completions(self._run_id, exchanges)

    def close(self) -> None:
        """Do nothing: the store is closed by its owner."""

    def record_error(self, call: Call, error: LlmlabError) -> None:
        """Record that a call failed, by class and message, without secrets.

        A call that the budget has no room for, or to a provider that is down, did not
        fail: it was never made.
        """
        if isinstance(error, BudgetExceeded | ProviderDown):
            return
        self._store.record_error(
            self._run_id,
            call.key,
            task=call.owner,
            model=call.spec.alias,
            error=redact(f"{type(error).__name__}: {error}"),
        )
