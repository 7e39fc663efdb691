"""Functions among the scorers of a mark: they get a name that says what they do.

A task is known by what defines it, so that a resumed run knows whether a score still
holds. A function therefore stands in it by its name and the digest of its source.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from llmlab_pytest.core import ConfigError, digest_of
from llmlab_pytest.scorers import Scorer, ScorerRegistry

_DIGITS = 12


def with_names(scorers: Any, registry: ScorerRegistry, *, where: str) -> Any:
    """Return the scorers of a mark with every function replaced by a table.

    Args:
        scorers: names, tables and functions; the options `scorer` and `scorers` of
            tables may hold them too.
        registry: where the functions are registered, under names of their own.
        where: the mark, for messages.

    Raises:
        ConfigError: a function has no name or no source, or variables that its source
            does not show, such as what `exact(…)` returns; or an option is an object.
    """
    if isinstance(scorers, Mapping):
        return {
            option: _option_with_names(option, value, registry, where)
            for option, value in scorers.items()
        }
    if isinstance(scorers, Sequence) and not isinstance(scorers, str):
        return [with_names(each, registry, where=where) for each in scorers]
    if not callable(scorers):
        return scorers
    name = _name(scorers, where)
    registry.register(name, partial(_same, scorers), source=where, replace=True)
    return {"name": name, "as": scorers.__name__}


def _option_with_names(
    option: str, value: Any, registry: ScorerRegistry, where: str
) -> Any:
    if option in ("scorer", "scorers"):
        return with_names(value, registry, where=where)
    if callable(value):
        raise _unfit(f"the option {option!r} is {value!r}", where)
    return value


def _same(scorer: Scorer) -> Scorer:
    return scorer


def _name(function: Callable[..., Any], where: str) -> str:
    title = getattr(function, "__name__", type(function).__name__)
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError) as error:
        raise _unfit(f"{title!r} has no source", where) from error
    if title == "<lambda>":
        raise _unfit("a lambda has no name to be reported by", where)
    if not inspect.isfunction(function) or function.__closure__:
        raise _unfit(f"{title!r} holds variables that its source does not show", where)
    return f"{title}@{digest_of([function.__module__, source])[:_DIGITS]}"


def _unfit(seen: str, where: str) -> ConfigError:
    return ConfigError(
        f"Among the scorers in {where}, {seen}.",
        allowed="A mark takes names, tables with a name, and functions of a module.",
        fix="Write a scorer that ships as a table: {'name': 'exact', 'normalise': …}; "
        "give others to assert_score in the test, or register them in "
        "pytest_llmlab_register_scorers.",
    )
