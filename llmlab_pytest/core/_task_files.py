"""Which files are tasks, by their names; loaded at start-up, so it imports little."""

import re
from collections.abc import Sequence
from pathlib import Path

_ENDINGS = {"explain.toml": "ExplanationFile", "matrix.toml": "MatrixFile"}
_OWN = re.compile(r".*\.promptfoo\.ya?ml")
_THEIRS = re.compile(r"promptfooconfig.*\.ya?ml")


def collector_of(path: Path, *, is_named: bool, promptfoo: Sequence[str]) -> str | None:
    """Return the name of the class that collects a file, `None` if it is no task.

    A project that has promptfoo's file beside other tests is not to ask models, which
    cost money, whenever those run: the file has to be named.

    Args:
        path: of the file.
        is_named: whether the command line names it.
        promptfoo: globs of files that are promptfoo's, named or not.
    """
    name = path.name
    if kind := _ENDINGS.get(".".join(name.rsplit(".", 2)[1:])):
        return kind
    if name.endswith("task.toml"):
        return "CardFile" if _is_card(path) else None
    is_theirs = (is_named and _THEIRS.fullmatch(name)) or _OWN.fullmatch(name)
    if is_theirs or any(map(path.match, promptfoo)):
        return "PromptfooFile"
    return None


def _is_card(path: Path) -> bool:
    """Whether a file is a card: `NAME.task.toml`, or a `task.toml` with our keys."""
    if path.name.endswith(".task.toml"):
        return True
    if path.name != "task.toml":
        return False
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # whoever owns the file will say so
    found = re.search(r"^(prompt|scorers|data)\s*=|^\[data\]", text, re.MULTILINE)
    return found is not None
