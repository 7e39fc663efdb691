"""Files of promptfoo as test files: `pytest promptfooconfig.yaml` runs them."""

from collections.abc import Iterable

import pytest

from llmlab_pytest.collecting._card_file import CardFile
from llmlab_pytest.core import LlmlabError
from llmlab_pytest.promptfoo import NamedModel, load_configuration
from llmlab_pytest.session import LlmlabSession, session_of
from llmlab_pytest.tasks import Task


class PromptfooFile(CardFile):
    """A configuration of promptfoo; collects one item per model, prompt and test.

    The models are those of the run; where nobody chose any, those that the file names.
    """

    def collect(self) -> Iterable[pytest.Item]:
        """Read the file and yield the items.

        Raises:
            pytest.Collector.CollectError: something in it is wrong or not taken over;
                names file, line and what does it here.
        """
        session = session_of(self.config)
        try:
            found = load_configuration(
                self.path,
                has_models=session.settings.names_models,
                has_judge=bool(session.settings.judges),
            )
            for task in found.tasks:
                asked = session.as_asked(session.in_mode(task))
                if not found.models:
                    for spec in session.models:
                        yield from self._items(asked, spec, session)
                for named in found.models:
                    yield from self._named(asked, named, session)
        except LlmlabError as error:
            raise self.CollectError(str(error)) from error

    def _named(
        self, task: Task, named: NamedModel, session: LlmlabSession
    ) -> Iterable[pytest.Item]:
        """Yield the items of a model that the file names, asked as it says."""
        decoding = {"temperature": named.temperature, "max_tokens": named.max_tokens}
        given = {name: value for name, value in decoding.items() if value is not None}
        specs = session.registries.models.resolve([named.name], where=named.where)
        for spec in specs:
            yield from self._items(task.with_changes(**given), spec, session)
