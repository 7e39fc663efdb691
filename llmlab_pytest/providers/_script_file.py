"""The `scripted` provider: a script in a TOML file, for offline runs.

Its format: `fallback = "echo"` or `"error"` at the top, then `[[reply]]` tables with
a `pattern` (a regular expression, searched in the prompt or the last user message)
and one of: a `text` to answer, `tool_calls` (tables with `name` and `arguments`), or a
`loglikelihood` for continuations it is found in.
"""

import re
from pathlib import Path
from typing import Any, cast

from llmlab_pytest.core import (
    NUMBER,
    TABLE,
    TEXT,
    ConfigError,
    Kind,
    ModelSpec,
    TomlFile,
    ToolCall,
    check_value,
    digest_of_file,
    unknown_name,
)
from llmlab_pytest.providers._scripted import Reply, ScriptedModel, echo
from llmlab_pytest.providers._shipped import shipped_models_dir

_SHIPPED = "shipped:"
_FALLBACKS = {"echo": echo, "error": None}
_TOP_LEVEL = {
    "fallback": Kind("'echo' or 'error'", lambda v: v in ("echo", "error")),
    "reply": Kind("[[reply]] tables", lambda _: True),
}
_CALL = {"name": TEXT, "arguments": TABLE}
_REPLY = {
    "pattern": TEXT,
    "text": Kind("a string", lambda v: isinstance(v, str)),
    "loglikelihood": Kind(
        "a number, at most 0", lambda v: NUMBER.accepts(v) and cast("float", v) <= 0
    ),
    "tool_calls": Kind(
        "a list of tables with 'name' and 'arguments'",
        lambda v: (
            isinstance(v, list)
            and all(isinstance(c, dict) and c.keys() == _CALL.keys() for c in v)
        ),
    ),
}
_ANSWERS = ("text", "tool_calls", "loglikelihood")


def load_script(spec: ModelSpec) -> ScriptedModel:
    """Load the script that `spec.id` names: a path, or `shipped:` and a file name.

    Raises:
        ConfigError: the script is missing or has an error; names file and line.
    """
    for option in spec.options:
        raise unknown_name(kind="option", name=option, known=[], where=spec.source)
    path = script_path(spec.id)
    file = TomlFile(path, table="reply")
    file.check_top_level(_TOP_LEVEL)
    replies: dict[str, Reply] = {}
    numbers: dict[str, float] = {}
    for index in range(len(file.tables())):
        _read_reply(file, index, replies, numbers)
    model = ScriptedModel(
        rules=replies,
        loglikelihoods=numbers,
        fallback=_FALLBACKS[str(file.data.get("fallback", "echo"))],
        spec=spec,
    )
    model.digest = digest_of_file(path)
    return model


def script_path(model_id: str) -> Path:
    """Return where a script is; it need not exist."""
    if model_id.startswith(_SHIPPED):
        return shipped_models_dir() / model_id.removeprefix(_SHIPPED)
    return Path(model_id).expanduser()


def _read_reply(
    file: TomlFile, index: int, replies: dict[str, Reply], numbers: dict[str, float]
) -> None:
    table = file.tables()[index]
    file.check_table(index, table, _REPLY)
    if "pattern" not in table or sum(name in table for name in _ANSWERS) != 1:
        msg = f"{file.place(index)}: the reply has the keys {sorted(table)}."
        names = ", ".join(map(repr, _ANSWERS))
        raise ConfigError(msg, allowed=f"It takes 'pattern' and one of {names}.")
    pattern = str(table["pattern"])
    try:
        re.compile(pattern)
    except re.error as error:
        msg = f"{file.place(index, 'pattern')}: {pattern!r} is no pattern: {error}."
        raise ConfigError(msg, fix="Correct the regular expression.") from error
    if "text" in table:
        replies.setdefault(pattern, str(table["text"]))
    elif "tool_calls" in table:
        calls: Any = table["tool_calls"]
        replies.setdefault(pattern, _calls(calls, file.place(index, "tool_calls")))
    else:
        numbers.setdefault(pattern, cast("float", table["loglikelihood"]))


def _calls(tables: list[dict[str, Any]], place: str) -> tuple[ToolCall, ...]:
    for table in tables:
        for name, value in table.items():
            check_value(name, value, _CALL, what="key", place=place)
    return tuple(
        ToolCall(f"call-{number}", table["name"], table["arguments"])
        for number, table in enumerate(tables, 1)
    )
