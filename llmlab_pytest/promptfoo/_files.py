"""Files that a configuration names with `file://`, and what can be read of them."""

import json
from collections.abc import Sequence
from pathlib import Path

from llmlab_pytest.core import ConfigError, Json
from llmlab_pytest.yaml_files import read_yaml

PREFIX = "file://"
_DATA = (".json", ".yaml", ".yml")
_CODE = (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".py", ".rb")
_BINARY = (
    *(".pdf", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".bmp"),
    *(".mp3", ".wav", ".mp4", ".webm", ".xlsx", ".xls"),
)


def is_file(value: Json) -> bool:
    """Whether a value names a file."""
    return isinstance(value, str) and value.startswith(PREFIX)


def matching(pattern: str, folder: Path, *, where: str) -> list[Path]:
    """Return the files that a path or glob names, in order.

    Raises:
        ConfigError: there is none, or it is code.
    """
    name = pattern.removeprefix(PREFIX)
    refuse_code(name, where=where)
    whole = (folder / name).absolute()
    found = Path(whole.anchor).glob(str(whole.relative_to(whole.anchor)))
    files = sorted(path for path in found if path.is_file())
    if not files:
        raise ConfigError(
            f"{where}: no file matches {name!r}.",
            fix=f"It is looked for below {folder}.",
        )
    return files


def refuse_code(name: str, *, where: str) -> None:
    """Raise `ConfigError` for a file that promptfoo runs, or that is no text."""
    stem = name.rpartition(":")[0] if ":" in name[2:] else name
    if stem.lower().endswith(_CODE):
        raise ConfigError(
            f"{where}: {name!r} is code.",
            allowed="Files of text, JSON, JSON lines, YAML and CSV are read.",
            fix="Write what it computes into such a file, or the test in Python.",
        )
    if name.lower().endswith(_BINARY):
        raise ConfigError(
            f"{where}: {name!r} is no text.",
            allowed="Files of text, JSON, JSON lines, YAML and CSV are read.",
            fix="Write a test in Python: llm([Message(...)]) takes images.",
        )


def content_of(path: Path, *, where: str) -> str:
    """Return the text of a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"{where}: {str(path)!r} cannot be read: {error}.", fix="Correct the file."
        ) from error


def value_of(reference: str, folder: Path, *, where: str) -> Json:
    """Return what a file stands for: the value of JSON or YAML, else its text.

    Raises:
        ConfigError: there is no such file, or it cannot be read.
    """
    (path, *more) = matching(reference, folder, where=where)
    if more:
        raise ConfigError(
            f"{where}: {reference!r} names several files.", allowed="One is read here."
        )
    if path.suffix in _DATA:
        return data_of(path, where=where)
    return content_of(path, where=where).strip()


def data_of(path: Path, *, where: str) -> Json:
    """Return the value of a file of JSON or YAML.

    Raises:
        ConfigError: it cannot be read.
    """
    if path.suffix != ".json":
        return read_yaml(path).value
    try:
        value: Json = json.loads(content_of(path, where=where))
    except ValueError as error:
        raise ConfigError(
            f"{where}: {str(path)!r} is not JSON: {error}.", fix="Correct the file."
        ) from error
    return value


def split_list(text: str, *, where: str) -> Sequence[str]:
    """Split a list that is written in one text: by commas outside quotation marks.

    Raises:
        ConfigError: a quotation mark is not closed.
    """
    found: list[str] = []
    rest = text
    while rest := rest.lstrip(" \t\r\n,"):
        if rest[0] != '"':
            field, _, rest = rest.partition(",")
            found.append(field.strip())
            continue
        field, rest = _quoted(rest, where)
        found.append(field)
        if rest.lstrip() and not rest.lstrip().startswith(","):
            raise ConfigError(
                f"{where}: something follows the closing quotation mark in {text!r}.",
                fix="Put a comma there.",
            )
    return found


def _quoted(text: str, where: str) -> tuple[str, str]:
    field: list[str] = []
    place = 1
    while place < len(text):
        pair = text[place : place + 2]
        if pair in ('\\"', "\\\\", '""'):
            field.append(pair[1])
            place += 2
        elif text[place] == '"':
            return "".join(field), text[place + 1 :]
        else:
            field.append(text[place])
            place += 1
    raise ConfigError(
        f"{where}: the quotation mark in {text!r} is not closed.", fix="Close it."
    )
