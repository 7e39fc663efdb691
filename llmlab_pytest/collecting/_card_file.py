"""Task cards as test files: `capitals.task.toml` needs no Python beside it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from llmlab_pytest.collecting._outcomes import complete_case, finish_case
from llmlab_pytest.collecting._parametrize import cases_of
from llmlab_pytest.core import (
    CodeExecutionOff,
    DataUnavailable,
    LlmlabError,
    ModelSpec,
    SandboxError,
    Unsupported,
)
from llmlab_pytest.session import Case, LlmlabSession, session_of
from llmlab_pytest.tasks import (
    Task,
    find_card,
    load_card,
    load_explanation,
    load_matrix,
    needed_capability,
)

_SKIPS = (CodeExecutionOff, DataUnavailable)


class CardFile(pytest.File):
    """A task card; collects one item per model, sample and epoch."""

    def collect(self) -> Iterable[pytest.Item]:
        """Read card and data, and yield the items.

        Raises:
            pytest.Collector.CollectError: card or data is wrong; names file and line.
        """
        session = session_of(self.config)
        try:
            for task in self._tasks(session):
                for spec in session.models:
                    yield from self._items(task, spec, session)
        except LlmlabError as error:
            raise self.CollectError(str(error)) from error

    def _tasks(self, session: LlmlabSession) -> Iterable[Task]:
        return [session.as_asked(session.in_mode(load_card(self.path)))]

    def _items(
        self, task: Task, spec: ModelSpec, session: LlmlabSession
    ) -> Iterator[pytest.Item]:
        needed = needed_capability(task, spec.capabilities)
        try:
            session.scoring.scorers_of(task)
            session.scoring.check_gates(task)
            spec.require(needed, needed_by=f"The task {task.name!r}")
            cases = cases_of(task, spec, session)
        except (*_SKIPS, SandboxError, Unsupported) as error:
            name = f"{task.name}[{spec.alias}]"
            yield UnavailableItem.from_parent(self, name=name, error=error)
            return
        for case in cases:
            yield CardItem.from_parent(self, name=f"{task.name}[{case.id}]", case=case)

    def _find(self, name: str) -> Path:
        """Return the card of a registered task."""
        folders = session_of(self.config).registries.card_folders
        return find_card(name, folders=folders, where=str(self.path))


class ExplanationFile(CardFile):
    """Two settings of a task; collects the items of both, and of those between.

    Options that change every task (`--llmlab-shots` and the like) do not hold here:
    they would make all settings the same.
    """

    def _tasks(self, _: LlmlabSession) -> Iterable[Task]:
        return load_explanation(self.path, self._find)


class MatrixFile(CardFile):
    """Several prompts of one task; collects the items of each."""

    def _tasks(self, session: LlmlabSession) -> Iterable[Task]:
        tasks = load_matrix(self.path, self._find)
        return [session.as_asked(session.in_mode(task)) for task in tasks]


class CardItem(pytest.Item):
    """One sample of a task card on one model."""

    def __init__(self, *, case: Case, **keywords: object) -> None:
        super().__init__(**keywords)  # type: ignore[arg-type] # pytest's own keywords
        self.case = case

    def setup(self) -> None:
        """Get the completion; trouble here is an error, never a miss."""
        complete_case(self, self.case)

    def runtest(self) -> None:
        """Score the completion; a wrong answer is a recorded miss."""
        finish_case(self)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Point reports at the card."""
        return self.path, None, self.name


class UnavailableItem(pytest.Item):
    """Stands for all samples of a task that cannot run on a model."""

    def __init__(self, *, error: LlmlabError, **keywords: object) -> None:
        super().__init__(**keywords)  # type: ignore[arg-type] # pytest's own keywords
        self._error = error

    def setup(self) -> None:
        """Skip where data or permission is missing; anything else is an error."""
        if isinstance(self._error, _SKIPS):
            pytest.skip(str(self._error))
        raise self._error

    def runtest(self) -> None:
        """Never reached: setup skips or raises."""

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Point reports at the card."""
        return self.path, None, self.name
