"""Templates and expressions over the fields of a row, by Jinja in its sandbox.

The environment is lm-eval's: undefined variables are errors and the final newline of a
template is kept.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError, meta
from jinja2.environment import TemplateExpression
from jinja2.sandbox import SandboxedEnvironment

from llmlab_pytest.core import ConfigError, DataError

_BRACKETS = re.compile(r"\[.*?\]")


def hellaswag_clean(text: str) -> str:
    """Clean HellaSwag's WikiHow markup as lm-eval does, in its order, one pass."""
    cleaned = _BRACKETS.sub("", text.strip().replace(" [title]", ". "))
    return cleaned.replace("  ", " ")


_environment = SandboxedEnvironment(
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,
)
_environment.filters["hellaswag_clean"] = hellaswag_clean


def render(template: str, fields: Mapping[str, object], *, where: str) -> str:
    """Render a template with the fields of a row.

    Args:
        template: Jinja; every field of the row is a variable.
        fields: the row.
        where: file and key, for messages.

    Raises:
        ConfigError: the template has a syntax error.
        DataError: the row lacks a variable of the template.
    """
    compiled = _template(template, where)
    try:
        return compiled.render(fields)
    except UndefinedError as error:
        raise _undefined(error, fields, where) from error
    except (TemplateError, TypeError, ValueError) as error:
        raise DataError(
            f"The template in {where} fails on this row: {error}.",
            fix="Correct the row or the template.",
        ) from error


def evaluate(expression: str, fields: Mapping[str, object], *, where: str) -> object:
    """Evaluate a Jinja expression over the fields of a row.

    Raises:
        ConfigError: the expression has a syntax error.
        DataError: the row lacks a field, or the expression fails on it.
    """
    compiled = _expression(expression, where)
    try:
        return compiled(fields)
    except UndefinedError as error:
        raise _undefined(error, fields, where) from error
    except (TemplateError, TypeError, ValueError) as error:
        raise DataError(
            f"The expression {expression!r} in {where} fails on this row: {error}.",
            fix="Correct the row or the expression.",
        ) from error


def variables(template: str, *, where: str) -> set[str]:
    """Return the names that a template takes from the row.

    Raises:
        ConfigError: the template has a syntax error.
    """
    _template(template, where)
    return meta.find_undeclared_variables(_environment.parse(template))


def _template(template: str, where: str) -> Template:
    try:
        return _compiled_template(template)
    except TemplateError as error:
        raise _syntax(template, error, where) from error


def _expression(expression: str, where: str) -> TemplateExpression:
    try:
        return _compiled_expression(expression)
    except TemplateError as error:
        raise _syntax(expression, error, where) from error


# Compiling costs 1 ms and is the same for every row; `where` is not.
@lru_cache(maxsize=512)
def _compiled_template(template: str) -> Template:
    return _environment.from_string(template)


@lru_cache(maxsize=512)
def _compiled_expression(expression: str) -> TemplateExpression:
    return _environment.compile_expression(expression, undefined_to_none=False)


def _syntax(template: str, error: TemplateError, where: str) -> ConfigError:
    return ConfigError(
        f"The template {template!r} in {where} has an error: {error}.",
        allowed="Templates are Jinja: {{ field }} stands for a field of the row.",
    )


def _undefined(
    error: UndefinedError, fields: Mapping[str, object], where: str
) -> DataError:
    known = ", ".join(sorted(fields)) or "none"
    return DataError(
        f"The prompt in {where} needs something the row does not have: {error}.",
        allowed=f"The row has the fields: {known}.",
    )
