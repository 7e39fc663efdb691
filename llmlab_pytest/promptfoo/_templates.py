"""Templates as promptfoo renders them: Nunjucks, of which Jinja is the model.

What differs is kept as Nunjucks has it: true and false are written small, null is
nothing, a list is joined by commas, and the filter `dump` writes JSON. One thing is
stricter: a variable that no test of the file has is an error, where Nunjucks writes
nothing.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError
from jinja2.sandbox import SandboxedEnvironment

from llmlab_pytest.core import ConfigError, Json, shorten

_REFERENCE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_ROUNDS = 5
"""How deep variables may stand in variables, as in promptfoo."""


def as_text(value: object) -> str:
    """Return how a template of promptfoo writes a value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(as_text, value))
    return as_json(value) if isinstance(value, Mapping) else str(value)


def as_json(value: object, spaces: int | None = None) -> str:
    """Return JSON as JavaScript writes it."""
    tight = (",", ":") if spaces is None else (",", ": ")
    return json.dumps(value, ensure_ascii=False, indent=spaces, separators=tight)


def _written(value: object) -> object:
    """Write values at the end of an expression; undefined ones are for Jinja."""
    return value if isinstance(value, StrictUndefined) else as_text(value)


_environment = SandboxedEnvironment(
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,
    finalize=_written,
)
_environment.filters["dump"] = as_json


@lru_cache(maxsize=512)
def _compiled(source: str) -> Template:
    return _environment.from_string(source)


def render(template: str, variables: Mapping[str, object], *, where: str) -> str:
    """Render a template.

    Raises:
        ConfigError: it has an error, or needs a variable that is not there.
    """
    if "{{" not in template and "{%" not in template and "{#" not in template:
        return template
    try:
        return _compiled(template).render(variables)
    except UndefinedError as error:
        known = ", ".join(sorted(variables)) or "none"
        raise ConfigError(
            f"{where}: the template {shorten(template)!r} needs a variable: {error}.",
            allowed=f"The test has: {known}.",
        ) from error
    except (TemplateError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{where}: the template {shorten(template)!r} fails: {error}.",
            allowed="Templates are Nunjucks, rendered by Jinja: what only one of the "
            "two knows cannot be used.",
        ) from error


def render_inside(value: Json, variables: Mapping[str, object], *, where: str) -> Json:
    """Render every text in a list or mapping, at any depth.

    Raises:
        ConfigError: as for `render`.
    """
    if isinstance(value, str):
        return render(value, variables, where=where)
    if isinstance(value, list):
        return [render_inside(each, variables, where=where) for each in value]
    if isinstance(value, dict):
        return {
            render(name, variables, where=where): render_inside(
                each, variables, where=where
            )
            for name, each in value.items()
        }
    return value


def resolved(variables: Mapping[str, Json], *, where: str) -> dict[str, Json]:
    """Return variables whose own templates are rendered, with the others.

    A text may name another variable, which may again name one, five deep. One that
    names a variable which is not there stays as it is.

    Raises:
        ConfigError: a template has an error.
    """
    known = {
        name: value.removesuffix("\n") if isinstance(value, str) else value
        for name, value in variables.items()
    }
    for _ in range(_ROUNDS):
        before = dict(known)
        for name, value in before.items():
            if isinstance(value, str) and _is_complete(value, before):
                known[name] = render(value, before, where=where)
        if known == before:
            break
    return known


def _is_complete(template: str, variables: Mapping[str, Json]) -> bool:
    named = _REFERENCE.findall(template)
    return bool(named) and all(name in variables for name in named)
