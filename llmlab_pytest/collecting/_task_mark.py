"""The mark that binds a test function to tasks, and how its arguments are read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.collecting._function_scorers import with_names
from llmlab_pytest.core import ConfigError, unknown_name
from llmlab_pytest.scorers import AnyScorer
from llmlab_pytest.session import LlmlabSession
from llmlab_pytest.tasks import (
    Task,
    find_card,
    load_card,
    override,
    task_from_spec,
)

MARK = "llm_task"
_OVERRIDES = (
    "shots",
    "chat",
    "system",
    "limit",
    "epochs",
    "temperature",
    "gate",
    "metrics",
    "scorers",
    "name",
)
_OF_CARDS = ("compat",)
_OWN = ("skip_unsupported",)


def llm_task(
    *names: str,
    data: str | Path | Sequence[Mapping[str, object]] | None = None,
    prompt: str | None = None,
    scorers: Sequence[AnyScorer] | None = None,
    gate: str | Sequence[str] | None = None,
    skip_unsupported: bool = False,
    **settings: object,
) -> pytest.MarkDecorator:
    """Run a test function once per sample of a task.

    The function takes `sample` and `completion`, or `score`; an assertion that fails
    in it is a miss, not a failed test. Same as `@pytest.mark.llm_task(...)`.

    Args:
        names: registered tasks (`"arc_easy"`) or paths of task cards; with none, the
            task is described by the other arguments and named after the function.
        data: a JSONL, JSON or CSV file, relative to the test file, or rows.
        prompt: a Jinja template over the fields of a row; default `{{ input }}`.
        scorers: names, tables with `name` and options, or functions. With none, the
            asserts in the test function decide hit or miss.
        gate: what must hold for all samples, e.g. `"accuracy >= 0.8"`.
        skip_unsupported: skip a model that lacks a capability the task needs, rather
            than fail.
        settings: further keys of a task card: `shots`, `chat`, `limit`, `epochs`…
    """
    keywords = {
        "data": data,
        "prompt": prompt,
        "scorers": scorers,
        "gate": gate,
        **settings,
    }
    given = {key: value for key, value in keywords.items() if value is not None}
    if skip_unsupported:
        given["skip_unsupported"] = True
    return getattr(pytest.mark, MARK)(*names, **given)  # type: ignore[no-any-return] # pytest types marks as Any


def tasks_of(
    mark: pytest.Mark, definition: pytest.Function, session: LlmlabSession
) -> list[Task]:
    """Return the tasks that a mark names or describes.

    Raises:
        ConfigError: an argument is unknown, or a card does not exist or is wrong.
    """
    where = f"{definition.nodeid} (@llm_task)"
    settings: dict[str, Any] = {k: v for k, v in mark.kwargs.items() if k not in _OWN}
    if "scorers" in settings:
        registry = session.registries.scorers
        settings["scorers"] = with_names(settings["scorers"], registry, where=where)
    base = definition.path.parent
    if not mark.args:
        name = settings.pop("name", definition.originalname.removeprefix("test_"))
        task = task_from_spec(name=name, base_dir=base, where=where, **settings)
        return [session.as_asked(task)]
    known = [*_OVERRIDES, *_OF_CARDS, *_OWN]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise unknown_name("argument", unknown[0], known, where=where)
    if "name" in settings and len(mark.args) > 1:
        msg = f"name={settings['name']!r} in {where} would name {len(mark.args)} tasks."
        raise ConfigError(msg, fix="Use one mark per renamed task.")
    return [_named(name, settings, base, session, where) for name in mark.args]


def _named(
    name: str,
    settings: Mapping[str, Any],
    base: Path,
    session: LlmlabSession,
    where: str,
) -> Task:
    path = base / name
    if name.endswith(".toml"):
        task = load_card(path)
    else:
        task = load_card(
            find_card(name, folders=session.registries.card_folders, where=where)
        )
    changes = {k: v for k, v in settings.items() if k not in _OF_CARDS}
    task = session.in_mode(task, settings.get("compat"))
    task = override(task, where=where, **changes) if changes else task
    return session.as_asked(task)
