"""The `scripted` provider: a script in a TOML file, for offline runs.

Its format: `fallback = "echo"` or `"error"` at the top, then `[[reply]]` tables with
a `pattern` (a regular expression, searched in the prompt or the last user message)
and either a `text` to answer or a `loglikelihood` for continuations it is found in.
"""

import re
from pathlib import Path
from typing import cast

from llmlab_pytest.core import (
    NUMBER,
    TEXT,
    ConfigError,
    Kind,
    ModelSpec,
    TomlFile,
    digest_of_file,
    unknown_name,
)
from llmlab_pytest.providers._scripted import ScriptedModel, echo
from llmlab_pytest.providers._shipped import shipped_models_dir

_SHIPPED = "shipped:"
_FALLBACKS = {"echo": echo, "error": None}
_TOP_LEVEL = {
    "fallback": Kind("'echo' or 'error'", lambda v: v in ("echo", "error")),
    "reply": Kind("[[reply]] tables", lambda _: True),
}
_REPLY = {
    "pattern": TEXT,
    "text": Kind("a string", lambda v: isinstance(v, str)),
    "loglikelihood": Kind(
        "a number, at most 0", lambda v: NUMBER.accepts(v) and cast("float", v) <= 0
    ),
}


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
    texts: dict[str, str] = {}
    numbers: dict[str, float] = {}
    for index in range(len(file.tables())):
        _read_reply(file, index, texts, numbers)
    model = ScriptedModel(
        rules=cast("dict[str, str | BaseException]", texts),
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
    file: TomlFile, index: int, texts: dict[str, str], numbers: dict[str, float]
) -> None:
    table = file.tables()[index]
    file.check_table(index, table, _REPLY)
    if "pattern" not in table or ("text" in table) == ("loglikelihood" in table):
        msg = f"{file.place(index)}: the reply has the keys {sorted(table)}."
        raise ConfigError(
            msg, allowed="It takes 'pattern' and either 'text' or 'loglikelihood'."
        )
    pattern = str(table["pattern"])
    try:
        re.compile(pattern)
    except re.error as error:
        msg = f"{file.place(index, 'pattern')}: {pattern!r} is no pattern: {error}."
        raise ConfigError(msg, fix="Correct the regular expression.") from error
    if "text" in table:
        texts.setdefault(pattern, str(table["text"]))
    else:
        numbers.setdefault(pattern, cast("float", table["loglikelihood"]))
