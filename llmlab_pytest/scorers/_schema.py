"""Structured output: JSON that satisfies a schema."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmlab_pytest.core import Completion, ConfigError, Score, Target, load, shorten
from llmlab_pytest.scorers._protocol import Scorer, text_of

_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
_MAX_ERRORS = 5


def json_schema(*, schema: Mapping[str, Any] | str, fenced: bool = True) -> Scorer:
    """Score 1 if the text is JSON that satisfies a JSON Schema (draft 2020-12).

    Args:
        schema: the schema, or the path of a file with it.
        fenced: also accept JSON in a Markdown code fence, with prose around it.

    Raises:
        ConfigError: the schema cannot be read or is no schema.
    """
    validator = _validator(schema)

    def score(completion: Completion | str, target: Target = None) -> Score:
        del target
        text = text_of(completion)
        fence = _FENCE.search(text) if fenced else None
        body = (fence[1] if fence else text).strip()
        try:
            value = json.loads(body)
        except ValueError as error:
            return Score(
                scorer="json_schema",
                value=0.0,
                answer=shorten(body),
                explanation=f"not JSON: {error}",
            )
        found = [_located(error) for error in validator.iter_errors(value)]
        return Score(
            scorer="json_schema",
            value=float(not found),
            answer=body,
            explanation="; ".join(found[:_MAX_ERRORS]) or None,
        )

    return score


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
    return f"{error.json_path}: {shorten(str(error.message), 120)}"
