"""The engine's journal with a folder of cassettes: recording, and replaying."""

from collections.abc import Sequence

from llmlab_pytest.cassettes import (
    CassetteFolder,
    RecordedCall,
    not_recorded,
    other_weights,
)
from llmlab_pytest.core import Completion, LlmlabError, ModelSpec
from llmlab_pytest.engine import Answered, Call
from llmlab_pytest.providers import portable_identity, weights_digest
from llmlab_pytest.session._cached_journal import CachedJournal
from llmlab_pytest.session._journal import StoreJournal
from llmlab_pytest.store import as_given, recalled, request_json


class RecordingJournal:
    """Writes each answer as a cassette too, whether a model, a run or the cache has it.

    Errors are not recorded: a replay would show yesterday's trouble as today's.

    Args:
        journal: of this run.
        cassettes: where the answers go.
    """

    def __init__(
        self, journal: StoreJournal | CachedJournal, cassettes: CassetteFolder
    ) -> None:
        self._journal = journal
        self._cassettes = cassettes

    def prepare(self, spec: ModelSpec) -> None:
        """Digest a model's weights, while the engine does other things."""
        self._journal.prepare(spec)
        weights_digest(spec)

    def lookup(self, call: Call) -> Completion | None:
        """Return the answer that this run or the cache has, and record it.

        Raises:
            NotRecorded: the cache does not have it, and no model may be asked.
            CassetteError: the file cannot be written.
        """
        found = self._journal.lookup(call)
        if found is not None:
            self._write(call, found)
        return found

    def holds(self, call: Call) -> bool:
        """Whether `lookup` would find an answer; records nothing."""
        return self._journal.holds(call)

    def address(self, call: Call, /) -> str | None:
        """Return where the answer will stand in the cache, if there is one."""
        return self._journal.address(call)

    def record(self, answered: Sequence[Answered]) -> None:
        """Keep answers in this run, and record them.

        Raises:
            CassetteError: a file cannot be written.
        """
        self._journal.record(answered)
        for call, completion in answered:
            self._write(call, completion)

    def record_error(self, call: Call, error: LlmlabError) -> None:
        """Record in this run that a call failed."""
        self._journal.record_error(call, error)

    def close(self) -> None:
        """Close the cache, if there is one."""
        self._journal.close()

    def _write(self, call: Call, completion: Completion) -> None:
        self._cassettes.record(
            _recorded(call), as_given(completion), weights=weights_digest(call.spec)
        )


class ReplayJournal:
    """Answers every call from cassettes, or not at all: no model is ever loaded.

    An answer becomes one of this run, so that the run is complete in its store.

    Args:
        journal: of this run.
        cassettes: where the answers are.
    """

    def __init__(self, journal: StoreJournal, cassettes: CassetteFolder) -> None:
        self._journal = journal
        self._cassettes = cassettes

    def prepare(self, spec: ModelSpec) -> None:
        """Do nothing: answers are found by what every machine agrees on."""

    def lookup(self, call: Call) -> Completion:
        """Return the answer of this run, if it is resumed, or the recorded one.

        Raises:
            NotRecorded: there is none, or weights that are here are not those that
                answered.
            CassetteError: its file is wrong; names file and line.
        """
        asked = _recorded(call)
        earlier = self._journal.lookup(call)
        if earlier is not None:
            self._cassettes.used.add(str(asked.file))
            return earlier
        entry = self._cassettes.find(asked)
        if entry is None:
            raise not_recorded(self._cassettes, asked)
        here = entry.weights and weights_digest(call.spec)
        if entry.weights and here and here != entry.weights:
            raise other_weights(self._cassettes, asked, was=entry.weights, now=here)
        alias = call.spec.alias
        completion = recalled(entry.completion, alias=alias, source="cassette")
        self._journal.record([Answered(call, completion)])
        return completion

    def holds(self, call: Call) -> bool:
        """Whether there is a cassette, or an answer of this run."""
        if self._journal.holds(call):
            return True
        return self._cassettes.find(_recorded(call)) is not None

    def address(self, _: Call, /) -> str | None:
        """Share nothing: nobody is asked."""
        return None

    def record(self, answered: Sequence[Answered]) -> None:
        """Keep answers in this run; no model gives one."""
        self._journal.record(answered)

    def record_error(self, call: Call, error: LlmlabError) -> None:
        """Record in this run that a call failed."""
        self._journal.record_error(call, error)

    def close(self) -> None:
        """Do nothing: files are closed when they are read."""


def _recorded(call: Call) -> RecordedCall:
    return RecordedCall.of(
        call.spec,
        model=portable_identity(call.spec),
        request=request_json(call.request),
        owner=call.owner,
        item=call.asker.item,
        draw=call.epoch,
    )
