"""How a cassette looks: JSON that people read, compare line by line, and edit.

Keys are sorted, Unicode is kept, and a text of several lines is a list of its lines:
a change in one line is a difference of one line. Characters that a reviewer would not
see, or that turn what is shown around, are written as escapes.
"""

import json
import re
from pathlib import Path
from typing import Any, NoReturn

from llmlab_pytest.core import CassetteError

FIX = "Correct the file, or record the answer again with --llmlab-record."
_TEXTS = frozenset({"content", "context", "prompt", "text"})
"""Keys whose value may be long text. In no request or answer does one of them hold a
list of strings for another reason."""
_NO_TEXTS = frozenset({"arguments", "model", "parameters", "response_schema"})
"""Keys below which names are those of a provider, a tool or a schema, and lists are
lists."""
# Controls beyond ASCII's, line separators, bidirectional overrides, byte-order marks,
# and halves of surrogate pairs, which no encoding has.
_UNSEEN = re.compile(
    "[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def to_text(content: dict[str, Any]) -> str:
    """Return the text of a cassette; it ends with one newline."""
    text = json.dumps(
        _split(content),
        indent=2,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
    )
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


class CassetteText:
    """A parsed cassette that can say where things are.

    Args:
        path: of the file; messages show it.

    Raises:
        CassetteError: it cannot be read, or is not a JSON object; names file and line.
        FileNotFoundError: there is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        text = self._read()
        self._lines = text.split("\n")
        try:
            content = json.loads(text, parse_constant=_no_number)
        except json.JSONDecodeError as error:
            self._refuse(error.lineno, f"this is not JSON: {error.msg}")
        except ValueError as error:
            self._refuse(1, str(error))
        if not isinstance(content, dict):
            self._refuse(1, "this is not a JSON object")
        self.content: dict[str, Any] = _joined(content)

    def place(self, *keys: str) -> str:
        """Return `file:line` of a key, given with the keys around it.

        Exact for one key a line, as cassettes are written; else the nearest one.
        """
        line = 0
        for key in keys:
            wanted = re.compile(rf"\s*{re.escape(json.dumps(key))}\s*:")
            following = enumerate(self._lines[line:], line + 1)
            line = next((n for n, text in following if wanted.match(text)), line)
        return f"{self.path}:{max(line, 1)}"

    def _read(self) -> str:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise CassetteError(
                f"{str(self.path)!r} cannot be read: {error.strerror}.",
                fix="Correct its permissions.",
            ) from error
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            self._refuse(line, "this is not UTF-8")

    def _refuse(self, line: int, trouble: str) -> NoReturn:
        raise CassetteError(f"{self.path}:{line}: {trouble}.", fix=FIX)


def _split(value: Any, key: str = "") -> Any:
    match value:
        case dict() if key not in _NO_TEXTS:
            return {name: _split(part, name) for name, part in value.items()}
        case list():
            return [_split(part) for part in value]
        case str() if key in _TEXTS and "\n" in value:
            return value.split("\n")
        case _:
            return value


def _joined(value: Any, key: str = "") -> Any:
    match value:
        case dict() if key not in _NO_TEXTS:
            return {name: _joined(part, name) for name, part in value.items()}
        case [str(), *_] if key in _TEXTS and all(isinstance(p, str) for p in value):
            return "\n".join(value)
        case list():
            return [_joined(part) for part in value]
        case _:
            return value


def _no_number(name: str) -> NoReturn:
    msg = f"it holds {name}, which is no number of JSON"
    raise ValueError(msg)
