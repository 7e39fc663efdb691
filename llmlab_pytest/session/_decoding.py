"""Keyword arguments of a call, checked: how to decode, which tools, which schema."""

import json
import re
from collections.abc import Mapping
from typing import Any

from llmlab_pytest.core import (
    DECODING,
    FLAG,
    ConfigError,
    GenerateConfig,
    Json,
    Kind,
    Tool,
    canonical_json,
    check_value,
    load,
    shorten,
    unknown_name,
)

_SCHEMA = Kind("a JSON Schema", lambda v: isinstance(v, dict) and bool(v))
_NAME = Kind(
    "1 to 64 letters, digits, '_' and '-'",
    lambda v: isinstance(v, str) and bool(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", v)),
)
_TOOL = {
    "name": _NAME,
    "description": Kind("a string", lambda v: isinstance(v, str)),
    "parameters": Kind(
        "a JSON Schema of the type 'object'",
        lambda v: isinstance(v, dict) and v.get("type") == "object",
    ),
}
_MOST_TOP = 20
"""OpenAI's limit, and others' too."""
_KINDS = {
    **DECODING,
    "token_logprobs": FLAG,
    "top_logprobs": Kind(
        "a whole number from 1 to 20", lambda v: type(v) is int and 1 <= v <= _MOST_TOP
    ),
    "stream": FLAG,
    "tools": Kind("a list of tools", lambda v: isinstance(v, list)),
    "tool_choice": Kind("a name", lambda v: isinstance(v, str)),
    "response_schema": _SCHEMA,
}
_CHOICES = ("auto", "none", "required")


def config_of(overrides: Mapping[str, Any]) -> GenerateConfig:
    """Build a decoding configuration from keyword arguments of `llm(...)`.

    Raises:
        ConfigError: a name is unknown or a value is not possible.
    """
    stop = overrides.get("stop", ())
    stops = [stop] if isinstance(stop, str) else list(stop)
    given = {name: value for name, value in overrides.items() if value is not None}
    given["stop"] = stops
    if "tools" in given and isinstance(given["tools"], tuple | list):
        given["tools"] = [_tool(tool) for tool in given["tools"]]
    if "response_schema" in given:
        given["response_schema"] = _plain(given["response_schema"], "response_schema")
    for name, value in given.items():
        check_value(name, value, _KINDS, what="argument", place="llm()")
    if schema := given.get("response_schema"):
        _check_schema(schema, "response_schema")
    tools = tuple(given.get("tools", ()))
    _check_choice(given.get("tool_choice"), [tool.name for tool in tools])
    return GenerateConfig(**{**given, "stop": tuple(stops), "tools": tools})


def _tool(tool: Tool | Mapping[str, Any]) -> Tool:
    """Return a tool, checked, whose schema is plain JSON."""
    fields = tool
    if isinstance(tool, Tool):
        fields = {name: getattr(tool, name) for name in _TOOL}
    plain: Any = _plain(fields, "a tool")
    if not isinstance(plain, dict) or "name" not in plain:
        raise ConfigError(
            f"llm(): a tool is {shorten(repr(tool))}.",
            allowed="It is a Tool, or has 'name', 'description' and 'parameters'.",
        )
    for name, value in plain.items():
        check_value(name, value, _TOOL, what="key", place="a tool of llm()")
    checked = Tool(**plain)
    _check_schema(checked.parameters, f"parameters of the tool {checked.name!r}")
    return checked


def _plain(value: Any, what: str) -> Json:
    """Return a value as JSON has it: mappings are dicts, tuples lists."""
    try:
        plain: Json = json.loads(canonical_json(value))
    except (TypeError, ValueError) as error:
        msg = f"llm(): {what} cannot be written as JSON: {error}."
        raise ConfigError(msg, allowed="It holds values of JSON only.") from error
    return plain


def _check_schema(schema: Mapping[str, Json], what: str) -> None:
    try:
        load("jsonschema:Draft202012Validator").check_schema(schema)
    except load("jsonschema.exceptions:SchemaError") as error:
        raise ConfigError(
            f"llm(): {what} is no JSON Schema: {error.message}.",
            allowed="Schemas follow JSON Schema, draft 2020-12.",
        ) from error


def _check_choice(choice: str | None, names: list[str]) -> None:
    """Check that tools have names of their own and that a choice is among them."""
    for name in names:
        if names.count(name) > 1 or name in _CHOICES:
            raise ConfigError(
                f"llm(): a tool is called {name!r}.",
                allowed="Each tool has a name of its own, and none of "
                f"{', '.join(_CHOICES)}, which are choices.",
            )
    if choice is None:
        return
    if not names:
        msg = f"llm(): tool_choice is {choice!r}, and there are no tools."
        raise ConfigError(msg, fix="Give tools=[...], or leave it out.")
    if choice not in (*_CHOICES, *names):
        known = [*_CHOICES, *names]
        raise unknown_name("tool_choice", choice, known, where="llm()")
