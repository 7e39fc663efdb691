"""A conversation as a file that pytest runs."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from llmlab_pytest.asking._saved import check_path, rows_beside, toml_value
from llmlab_pytest.core import ConfigError, Message, write_new

_TEMPLATE = re.compile(r"\{[{%#]")
_TURNS = ".turns.jsonl"


def save_conversation(path: Path, messages: Sequence[Message]) -> list[Path]:
    """Write a test, or a task card with its rows, by the path's ending.

    What it asks is what the user said last, after all that was said before. The card
    compares the answer with what was answered then.

    Args:
        path: `NAME.task.toml`, or `test_NAME.py`.
        messages: that end with an answer.

    Returns:
        The files that were written.

    Raises:
        ConfigError: as `check_path`; there is no answer yet, or a file cannot be
            written.
    """
    check_path(path)
    if not messages or messages[-1].role != "assistant":
        raise ConfigError("There is nothing to save yet.", fix="Say something first.")
    files = _card(path, messages) if path.suffix == ".toml" else _test(path, messages)
    return write_new(files, where=str(path))


def _test(path: Path, messages: Sequence[Message]) -> dict[Path, str]:
    turns = [{"role": m.role, "content": m.text} for m in messages[:-1]]
    lines = [
        "CONVERSATION = [",
        *(f"    {turn!r}," for turn in turns),
        "]",
        "",
        "",
        f"def {path.stem}(llm):",
        "    answer = llm(CONVERSATION)",
        "    assert answer.text",
        "",
    ]
    return {path: "\n".join(lines)}


def _card(path: Path, messages: Sequence[Message]) -> dict[Path, str]:
    """Return the files of a card; earlier turns are its demonstrations, in order."""
    system = messages[0].text if messages[0].role == "system" else None
    said = [m.text for m in messages if m.role == "user"]
    answered = [m.text for m in messages if m.role == "assistant"]
    rows = [
        {"input": user, "target": answer}
        for user, answer in zip(said, answered, strict=True)
    ]
    earlier = path.with_name(path.name.removesuffix(".task.toml") + _TURNS)
    card = [
        "# Compares with what was answered in the chat; docs/scorers.md has others.",
        'prompt = "{{ input }}"',
    ]
    if system is not None:
        card.append(f"system = {toml_value(_plain(system))}")
    card.append('scorers = ["squad_f1"]')
    files = {rows_beside(path): _jsonl([{"id": "said", **rows[-1]}])}
    if rows[:-1]:
        card += [
            f"shots = {len(rows) - 1}",
            "",
            "[demonstrations]",
            f"file = {toml_value(earlier.name)}",
            'sampler = "first"',
        ]
        files[earlier] = _jsonl(rows[:-1])
    return {path: "\n".join([*card, ""]), **files}


def _plain(text: str) -> str:
    """Return a template that gives exactly this text."""
    return f"{{% raw %}}{text}{{% endraw %}}" if _TEMPLATE.search(text) else text


def _jsonl(rows: Sequence[dict[str, str]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
