"""Templates and expressions over the fields of a row, by Jinja in its sandbox.

The environment is lm-eval's: undefined variables are errors and the final newline of a
template is kept.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from jinja2 import (
    StrictUndefined,
    Template,
    TemplateError,
    Undefined,
    UndefinedError,
    meta,
)
from jinja2.sandbox import SandboxedEnvironment

from llmlab_pytest.core import ConfigError, DataError

_NO_COMMENT = "I have no comment."
_BRACKETS = re.compile(r"\[.*?\]")


def hellaswag_clean(text: str, *, strip: bool = True) -> str:
    """Clean HellaSwag's WikiHow markup as lm-eval does, in its order, one pass.

    Args:
        text: of a context or an ending.
        strip: remove the whitespace around it first; lighteval does not.
    """
    text = text.strip() if strip else text
    cleaned = _BRACKETS.sub("", text.replace(" [title]", ". "))
    return cleaned.replace("  ", " ")


def truthfulqa_sentences(answers: Iterable[str]) -> list[str]:
    """Return TruthfulQA's answers as sentences, each with its full stop."""
    stripped = (answer.strip() for answer in answers)
    return [text if text.endswith(".") else f"{text}." for text in stripped if text]


def truthfulqa_true(answers: Iterable[str]) -> list[str]:
    """Return the true answers as sentences; to have no comment is never false."""
    sentences = truthfulqa_sentences(answers)
    return sentences + [_NO_COMMENT] * (_NO_COMMENT not in sentences)


_environment = SandboxedEnvironment(
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,
)
for _filter in (hellaswag_clean, truthfulqa_sentences, truthfulqa_true):
    _environment.filters[_filter.__name__] = _filter


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
    compiled = _template(template, template, where)
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
        ConfigError: the expression is empty or has a syntax error.
        DataError: the row lacks a field, or the expression fails on it.
    """
    if not expression.strip():  # in parentheses it would be an empty tuple
        raise ConfigError(
            f"The expression {expression!r} in {where} is empty.",
            allowed="An expression is Jinja without braces, e.g. choices[answer].",
        )
    compiled = _template(f"{{% set value = ({expression}) %}}", expression, where)
    try:
        value: object = vars(compiled.make_module(dict(fields)))["value"]
        if isinstance(value, Undefined):
            str(value)  # raises, naming what is missing
    except UndefinedError as error:
        raise _undefined(error, fields, where) from error
    except (TemplateError, TypeError, ValueError) as error:
        raise DataError(
            f"The expression {expression!r} in {where} fails on this row: {error}.",
            fix="Correct the row or the expression.",
        ) from error
    return value


def variables(template: str, *, where: str) -> set[str]:
    """Return the names that a template takes from the row.

    Raises:
        ConfigError: the template has a syntax error.
    """
    _template(template, template, where)
    return meta.find_undeclared_variables(_environment.parse(template))


def _template(source: str, shown: str, where: str) -> Template:
    try:
        return _compiled(source)
    except TemplateError as error:
        raise _syntax(shown, error, where) from error


@lru_cache(maxsize=512)
def _compiled(source: str) -> Template:
    """Compile once for all rows: it costs 1 ms, and `where` differs between rows.

    `from_string` would give each rendering a chained view of the globals, which takes
    three times as long as the rendering itself; a plain dictionary does not.
    """
    return Template.from_code(
        _environment, _environment.compile(source), dict(_environment.globals)
    )


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
