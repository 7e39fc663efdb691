"""syrupy's snapshot assertion, for answers of a model.

Follows syrupy 7.0. Finding, updating and reporting snapshots is syrupy's own; here
are what is stored, how it is compared, and how the difference is shown.
"""

import itertools
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.data import SnapshotCollections
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

from llmlab_pytest.asserting import shown
from llmlab_pytest.core import Completion, ConfigError, LlmlabError
from llmlab_pytest.meaning import MINILM
from llmlab_pytest.reporting import marked
from llmlab_pytest.scorers import text_of
from llmlab_pytest.snapshots._relations import Exact, Normalised, Relation, Semantic

_FOLDER = "__answers__"


class AnswerSnapshots(SingleFileSnapshotExtension):
    """One text file per answer: `__answers__/test_FILE/TEST[MODEL].txt`.

    The folder is not that of syrupy's other extensions: they take files that they do
    not know for unused ones, and `--snapshot-update` would remove them.

    Args:
        relation: what counts as the same; syrupy itself makes extensions without.
    """

    _write_mode = WriteMode.TEXT
    file_extension = "txt"

    def __init__(self, relation: Relation | None = None) -> None:
        super().__init__()
        self._relation = relation or Exact()

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        """Return the folder of a test file's answers."""
        folder = Path(test_location.filepath).parent
        return str(folder / _FOLDER / test_location.basename)

    def discover_snapshots(
        self,
        *,
        test_location: PyTestLocation,
        ignore_extensions: list[str] | None = None,
    ) -> SnapshotCollections:
        """Find the files that no test may need any more.

        Those of models that this run does not ask are none of them: tests of the same
        function are there, with other parameters.
        """
        found = super().discover_snapshots(
            test_location=test_location, ignore_extensions=ignore_extensions
        )
        items = getattr(getattr(test_location.item, "session", None), "items", [])
        names = self._names_of(items)
        ours = SnapshotCollections()
        for collection in found:
            path = Path(collection.location)
            here = names.get((path.parent.parent.parent, path.parent.name), set())
            if not _is_of_other_parameters(path.stem, here):
                ours.add(collection)
        return ours

    def _names_of(
        self, items: Sequence[pytest.Item]
    ) -> dict[tuple[Path, str], set[str]]:
        """Return the snapshot names of tests, by folder and module."""
        names: dict[tuple[Path, str], set[str]] = {}
        for item in items:
            if hasattr(item, "obj"):  # gates and samples of cards have none
                name = self.get_snapshot_name(test_location=PyTestLocation(item))
                place = item.path.parent, item.path.stem
                names.setdefault(place, set()).add(name)
        return names

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


def _is_of_other_parameters(stem: str, names: AbstractSet[str]) -> bool:
    """Whether a file is of a function that is run, but not with these parameters."""
    if any(stem == name or stem.startswith((f"{name}.", f"{name}[")) for name in names):
        return False
    functions = {name.partition("[")[0] for name in names if "[" in name}
    return stem.partition("[")[0] in functions


def _text(serialized: str) -> str:
    return serialized.removesuffix("\n")
