"""Whether the options of a scorer are of the types that it declares.

Options come from TOML, YAML, JSON and marks, and are wrong there now and then. Whatever
cannot be told from a declaration, as that of a function, is right.
"""

import inspect
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from llmlab_pytest.core import shorten

_WORDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    type(None): "nothing",
}
_EITHER = (Union, types.UnionType)
_MANY = (Sequence, Iterable, Collection, list, tuple)
_TABLES = (Mapping, dict)
_Kind = Any


class WrongOption(NamedTuple):
    """An option of a wrong type."""

    name: str
    seen: str
    allowed: str


def wrong_option(
    factory: Callable[..., object], options: Mapping[str, object]
) -> WrongOption | None:
    """Return the first option of a wrong type.

    Args:
        factory: a function whose parameters are the options.
        options: the values.
    """
    declared = _declared(factory)
    for name, value in options.items():
        kind = declared.get(name, Any)
        if not _fits(value, kind):
            return WrongOption(name, shorten(repr(value)), _told(kind))
    return None


def _declared(factory: Callable[..., object]) -> Mapping[str, _Kind]:
    """Return the types of parameters; none of one that takes any number of values."""
    try:
        kinds = get_type_hints(factory)
        parameters = inspect.signature(factory).parameters
    except (NameError, TypeError, ValueError):  # names that only a checker knows
        return {}
    single = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        name: kinds[name]
        for name, parameter in parameters.items()
        if name in kinds and parameter.kind in single
    }


def _fits(value: object, kind: _Kind) -> bool:
    origin: Any = get_origin(kind)
    if origin in _EITHER:
        return any(_fits(value, part) for part in get_args(kind))
    if origin is Literal:
        return value in get_args(kind)
    if origin in _MANY:
        return _are_many(value, get_args(kind)[0])
    if origin in _TABLES:
        return isinstance(value, Mapping)
    if isinstance(value, bool) and kind in (int, float):
        return False
    return _is_one(value, int | float if kind is float else kind)


def _is_one(value: object, kind: _Kind) -> bool:
    """Whether it is of a plain kind or a record; others may be made of a text."""
    is_known = kind in _WORDS or kind == int | float or is_dataclass(kind)
    return isinstance(value, kind) if is_known else True


def _are_many(value: object, part: _Kind) -> bool:
    """Whether it is a list of such values; a text may stand for one of texts."""
    if isinstance(value, str):
        return _fits(value, part)
    if isinstance(value, (list, tuple)):
        return all(_fits(each, part) for each in value)
    return isinstance(value, Iterable) and not isinstance(value, Mapping)


def _told(kind: _Kind) -> str:
    origin: Any = get_origin(kind)
    if origin in _EITHER:
        parts = [part for part in get_args(kind) if part is not type(None)]
        return " or ".join(dict.fromkeys(map(_told, parts)))
    if origin is Literal:
        return ", ".join(map(repr, get_args(kind)))
    if origin in _TABLES:
        return "a table"
    if origin is not None:
        return "a list"
    return _WORDS.get(kind, "something else")
