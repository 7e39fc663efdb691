"""The better way to ask, written as a card beside the one that it betters."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmlab_pytest.asking import toml_value
from llmlab_pytest.core import ConfigError, refuse_existing, write_new
from llmlab_pytest.optimising._candidate import ANSWER_FIELD, Candidate

_ENDING = ".task.toml"


def check_card(card: Path, out: Path) -> None:
    """Raise `ConfigError` unless a new card can be written beside the old one."""
    if not out.name.endswith(_ENDING):
        raise ConfigError(f"--out is {str(out)!r}.", allowed=f"It is NAME{_ENDING}.")
    if out.resolve().parent != card.resolve().parent:
        raise ConfigError(
            f"--out {out} is in another folder than {card}.",
            allowed="Cards name their data by its place beside them.",
            fix=f"Write it to {card.with_name(out.name)}.",
        )
    refuse_existing([out, _shown_file(out)])


def write_card(card: Path, out: Path, better: Candidate) -> list[Path]:
    """Write a card that asks as a candidate does, and its demonstrations.

    All other keys stay as they are; comments are lost.

    Returns:
        The files.

    Raises:
        ConfigError: as `check_card`; or a file cannot be written.
    """
    check_card(card, out)
    keys = _keys(card, better, out)
    files = {out: "".join(f"{k} = {toml_value(v)}\n" for k, v in keys.items())}
    if better.shown is not None:
        rows = [json.dumps(dict(row), ensure_ascii=False) for row in better.shown]
        files[_shown_file(out)] = "\n".join([*rows, ""])
    return write_new(files, where=f"--out {out}")


def _keys(card: Path, better: Candidate, out: Path) -> Mapping[str, Any]:
    keys: dict[str, Any] = tomllib.loads(card.read_text(encoding="utf-8"))
    keys.pop("name", None)
    keys["prompt"] = better.prompt
    if better.system is not None:
        keys["system"] = better.system
    if card.name.endswith(_ENDING):
        keys.setdefault("data", f"{card.name.removesuffix(_ENDING)}.jsonl")
    else:
        keys.setdefault("data", f"{card.resolve().parent.name}.jsonl")
    if better.shown is not None:
        keys["shots"] = len(better.shown)
        keys["demonstrations"] = {
            "file": _shown_file(out).name,
            "sampler": "first",
            "answer": ANSWER_FIELD,
        }
    return keys


def _shown_file(out: Path) -> Path:
    return out.with_name(f"{out.name.removesuffix(_ENDING)}.demonstrations.jsonl")
