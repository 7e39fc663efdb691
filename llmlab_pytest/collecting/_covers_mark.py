"""The mark `llm_covers`: what a test, or every sample of a task, exercises."""

from collections.abc import Mapping
from typing import Any

import pytest

from llmlab_pytest.collecting._refuse import refuse
from llmlab_pytest.core import ConfigError
from llmlab_pytest.covering import cover
from llmlab_pytest.tasks import COVERS, covers_of

_MARK = "llm_covers"


def marked_covers(item: pytest.Item) -> dict[str, list[str]]:
    """Return the names by kind, of all marks of a test, its class and its file.

    Raises:
        ConfigError: a mark has something else than names by kind.
    """
    return cover(*(_named(item, mark) for mark in item.iter_markers(_MARK)))


def refuse_wrong_covers(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Refuse, and remove, items with a mark that cannot be read."""
    kept = []
    for item in items:
        try:
            marked_covers(item)
        except ConfigError as error:
            refuse(session, error, nodeid=item.nodeid.partition("::")[0])
        else:
            kept.append(item)
    items[:] = kept


def _named(item: pytest.Item, mark: pytest.Mark) -> Mapping[str, tuple[str, ...]]:
    given: dict[str, Any] = {
        kind: list(names) if isinstance(names, tuple) else names
        for kind, names in mark.kwargs.items()
    }
    if mark.args or not given or not COVERS.accepts(given):
        raise ConfigError(
            f"{item.nodeid} (@{_MARK}) has {mark.args or mark.kwargs!r}.",
            allowed="It takes names, or lists of names, by kind.",
            fix=f'For example: @pytest.mark.{_MARK}(risk="injection", rule=["1", "3"])',
        )
    return covers_of(given)
