"""Structured output: JSON that satisfies a schema, or a pydantic model."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from llmlab_pytest.core import ConfigError, load, shorten
from llmlab_pytest.scorers._fences import body_of
from llmlab_pytest.scorers._judgement import Finding, text_scorer
from llmlab_pytest.scorers._protocol import Scorer

_MAX_ERRORS = 5
_MAX_ERROR_LENGTH = 120
Check = Callable[[Any], Sequence[str]]
"""From a value to what is wrong with it."""


class JsonFound(NamedTuple):
    """The JSON in a text."""

    values: Sequence[Any]
    """What was parsed, best first; empty where nothing could be."""
    bodies: Sequence[str]
    """The part of the text that each is from; at least one."""
    fault: str
    """Why nothing could be parsed."""


def json_schema(
    *, schema: Mapping[str, Any] | str, fenced: bool = True, anywhere: bool = False
) -> Scorer:
    """Score 1 if the text is JSON that satisfies a JSON Schema (draft 2020-12).

    Args:
        schema: the schema, or the path of a file with it.
        fenced: also accept JSON in a Markdown code fence, with prose around it.
        anywhere: also accept an object or array that stands in prose.

    Raises:
        ConfigError: the schema cannot be read or is no schema.
    """
    check = schema_check(schema)
    return _json_scorer("json_schema", check, fenced=fenced, anywhere=anywhere)


def pydantic_model(
    *, model: Any, fenced: bool = True, anywhere: bool = False
) -> Scorer:
    """Score 1 if the text is JSON that a pydantic model accepts.

    A model is a class, so this scorer is for Python; a card has `json_schema`, and the
    schema of a model is its `model_json_schema()`.

    Args:
        model: a subclass of `pydantic.BaseModel`.
        fenced: also accept JSON in a Markdown code fence, with prose around it.
        anywhere: also accept an object or array that stands in prose.

    Raises:
        ConfigError: it is no pydantic model.
    """
    # A value from JSON is validated in JSON's mode, where a date is a string.
    validate = getattr(model, "model_validate_json", None)
    if not callable(validate):
        raise ConfigError(
            f"model is {model!r}.",
            allowed="It is a subclass of pydantic.BaseModel.",
            fix="In a card use json_schema.",
        )

    def check(value: Any) -> Sequence[str]:
        try:
            validate(json.dumps(value))
        except ValueError as error:  # pydantic's ValidationError is one
            return [*map(_placed, getattr(error, "errors", list)())] or [str(error)]
        return ()

    return _json_scorer("pydantic_model", check, fenced=fenced, anywhere=anywhere)


def schema_check(schema: Mapping[str, Any] | str) -> Check:
    """Return what says how a value violates a JSON Schema, place by place.

    Raises:
        ConfigError: the schema cannot be read or is no schema.
    """
    validator = _validator(schema)

    def check(value: Any) -> Sequence[str]:
        return [_located(error) for error in validator.iter_errors(value)]

    return check


def json_values(text: str, *, fenced: bool, anywhere: bool) -> JsonFound:
    """Find the JSON in a text: all of it, in a fence, or where it stands in prose."""
    body = body_of(text, ("json",), fenced=fenced)
    try:
        return JsonFound([_parsed(body)], [body], "")
    except ValueError as error:
        fault = str(error)
    except RecursionError:
        fault = "nested too deeply"
    inside = list(_values_inside(text)) if anywhere else []
    if not inside:
        return JsonFound([], [body], fault)
    return JsonFound([value for value, _ in inside], [part for _, part in inside], "")


def _json_scorer(name: str, check: Check, *, fenced: bool, anywhere: bool) -> Scorer:
    def look(text: str) -> Finding:
        found = json_values(text, fenced=fenced, anywhere=anywhere)
        if not found.values:
            return Finding(f"not JSON: {found.fault}", shorten(found.bodies[0]))
        faults = [check(value) for value in found.values]
        # Of several values in prose the one counts that comes closest.
        best = min(range(len(faults)), key=lambda n: len(faults[n]))
        told = "; ".join(faults[best][:_MAX_ERRORS])
        return Finding(told or None, found.bodies[best])

    return text_scorer(name, look)


def _values_inside(text: str) -> Iterator[tuple[Any, str]]:
    """Yield the objects and arrays that stand in prose, none inside another."""
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    start = 0
    while start < len(text):
        if text[start] in "{[":
            try:
                value, end = decoder.raw_decode(text, start)
            except ValueError:
                start += 1
                continue
            except RecursionError:  # what is inside would be tried again and again
                return
            yield value, text[start:end]
            start = end
        else:
            start += 1


def _parsed(body: str) -> Any:
    return json.loads(body, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _validator(schema: Mapping[str, Any] | str) -> Any:
    validator = load("jsonschema:Draft202012Validator")
    source = "the schema"
    try:
        if isinstance(schema, str):
            source = f"the schema file {schema!r}"
            schema = json.loads(Path(schema).read_text(encoding="utf-8"))
        validator.check_schema(schema)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"Cannot read {source}: {error}.", fix="Correct the path or the file."
        ) from error
    except load("jsonschema.exceptions:SchemaError") as error:
        raise ConfigError(
            f"Not a JSON Schema: {error.message}.",
            allowed="Schemas follow JSON Schema, draft 2020-12.",
        ) from error
    return validator(schema)


def _located(error: Any) -> str:
    return f"{error.json_path}: {shorten(str(error.message), _MAX_ERROR_LENGTH)}"


def _placed(error: Mapping[str, Any]) -> str:
    """Return pydantic's account of a violation as JSON Schema's is told."""
    steps = (
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"]
    )
    return f"${''.join(steps)}: {shorten(str(error['msg']), _MAX_ERROR_LENGTH)}"
