"""syrupy's snapshot assertion, for answers of a model.

Follows syrupy 7.0. Finding, updating and reporting snapshots is syrupy's own; here
are what is stored, how it is compared, and how the difference is shown.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

from llmlab_pytest.asserting import shown
from llmlab_pytest.core import Completion, ConfigError, LlmlabError
from llmlab_pytest.meaning import MINILM
from llmlab_pytest.scorers import text_of
from llmlab_pytest.snapshots._relations import Exact, Normalised, Relation, Semantic
from llmlab_pytest.snapshots._words import marked


class AnswerSnapshots(SingleFileSnapshotExtension):
    """One text file per answer: `__snapshots__/test_FILE/TEST[MODEL].txt`.

    Args:
        relation: what counts as the same; syrupy itself makes extensions without.
    """

    _write_mode = WriteMode.TEXT
    file_extension = "txt"

    def __init__(self, relation: Relation | None = None) -> None:
        super().__init__()
        self._relation = relation or Exact()

    def serialize(self, data: Any, **_filters: Any) -> str:
        """Return what is stored: without secrets, control characters escaped.

        Raises:
            ConfigError: it is neither a text nor what a model answered.
        """
        if not isinstance(data, str | Completion):
            raise ConfigError(
                f"llm_snapshot is compared with {type(data).__name__}.",
                allowed="It takes a text, or what a model answered.",
                fix="For other values there is syrupy's own fixture, snapshot.",
            )
        # Files are read with universal newlines; an answer must not change by that.
        lines = text_of(data).replace("\r\n", "\n").replace("\r", "\n")
        return shown([lines, ""])

    def matches(self, *, serialized_data: Any, snapshot_data: Any) -> bool:
        """Tell whether the answer is still the one that was stored."""
        return self._fault(serialized_data, snapshot_data) is None

    def diff_lines(self, serialized_data: Any, snapshot_data: Any) -> Iterator[str]:
        """Say how the texts differ, and show it word by word."""
        if fault := self._fault(serialized_data, snapshot_data):
            yield f"{fault} [-snapshot-]{{+received+}}:"
        yield from marked(_text(snapshot_data), _text(serialized_data))

    def _fault(self, serialized: str, kept: str) -> str | None:
        return self._relation.fault(_text(serialized), _text(kept))


@dataclass(eq=False, repr=False)
class LlmSnapshot(SnapshotAssertion):
    """What the fixture `llm_snapshot` gives: equal to an answer like the stored one."""

    relation: Relation = field(default_factory=Exact)
    """What counts as the same."""
    places: Iterator[int] = field(default_factory=itertools.count)
    """Numbers the snapshots of a test, whatever they are compared by."""
    _place: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Let the extension compare by the relation."""
        self._extension = AnswerSnapshots(self.relation)
        super().__post_init__()

    @property
    def index(self) -> int | str:
        """The number or name of the snapshot within the test."""
        return self._custom_index or self._place

    def normalised(self, *names: str) -> "LlmSnapshot":
        """Compare after normalising.

        Args:
            names: normalisers in their order, as in the scorer `exact`; by default
                `casefold`, `punctuation`, `whitespace`.

        Raises:
            ConfigError: a normaliser is unknown.
        """
        return self._by(Normalised(names) if names else Normalised())

    def semantic(self, *, at_least: float = 0.8, model: str = MINILM) -> "LlmSnapshot":
        """Compare what the texts mean; one that is near enough stays as it is stored.

        Args:
            at_least: the lowest similarity that passes, from 0 to 1.
            model: as for the scorer `similarity`; by default all-MiniLM-L6-v2.

        Raises:
            ConfigError: `at_least` is not within 0 and 1.
        """
        return self._by(Semantic(at_least, model))

    def _by(self, relation: Relation) -> "LlmSnapshot":
        return LlmSnapshot(
            session=self.session,
            extension_class=self.extension_class,
            test_location=self.test_location,
            update_snapshots=self.update_snapshots,
            update_new_snapshots_only=self.update_new_snapshots_only,
            relation=relation,
            places=self.places,
        )

    def _assert(self, data: Any) -> bool:
        if not self._custom_index:
            self._place = next(self.places)
        holds = super()._assert(data)
        trouble = self.executions[self.num_executions - 1].exception
        if isinstance(trouble, LlmlabError):
            raise trouble  # syrupy would show it as a text that differs
        return holds


def snapshot_of(request: pytest.FixtureRequest) -> LlmSnapshot:
    """Build the fixture's value.

    Raises:
        ConfigError: syrupy's plugin is switched off.
    """
    session = getattr(request.config, "_syrupy", None)
    if session is None:
        raise ConfigError(
            "llm_snapshot was asked for, and syrupy's plugin is not loaded.",
            fix="Run without -p no:syrupy.",
        )
    options = request.config.option
    return LlmSnapshot(
        session=session,
        extension_class=AnswerSnapshots,
        test_location=PyTestLocation(request.node),
        update_snapshots=options.update_snapshots,
        update_new_snapshots_only=options.update_new_snapshots_only,
    )


def _text(serialized: str) -> str:
    return serialized.removesuffix("\n")
