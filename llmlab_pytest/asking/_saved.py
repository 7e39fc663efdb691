"""A try of `llmlab prompt`, or of the page, as a file that pytest runs."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from llmlab_pytest.core import ConfigError, Json, refuse_existing, write_new
from llmlab_pytest.judging import JUDGE_SCORERS
from llmlab_pytest.meaning import MEANING_SCORERS
from llmlab_pytest.prompts import render
from llmlab_pytest.scorers import ScorerSpec

_CARD = ".task.toml"
_TEST = ".py"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def check_path(path: Path) -> None:
    """Raise `ConfigError` for a path of another ending, or where a file is.

    The name of a test is that of its function, too.
    """
    is_card = path.name.endswith(_CARD)
    is_test = path.suffix == _TEST and path.name.startswith("test_")
    if not is_card and not (is_test and path.stem.isidentifier()):
        raise ConfigError(
            f"--save is {str(path)!r}.",
            allowed=f"It is NAME{_CARD}, or test_NAME{_TEST}.",
        )
    refuse_existing([path, *([rows_beside(path)] if is_card else [])])


class Try:
    """What was tried.

    Args:
        template: the prompt with its variables.
        variables: their values.
        system: the system message.
        target: the reference answer.
        scorers: as a card writes them.
    """

    def __init__(
        self,
        template: str,
        variables: Mapping[str, str],
        *,
        system: str | None,
        target: str | None,
        scorers: Sequence[ScorerSpec],
    ) -> None:
        self.template = template
        self.variables = variables
        self.system = system
        self.target = target
        self.scorers = scorers

    def save(self, path: Path) -> None:
        """Write a task card with its row, or a test file, by the path's ending.

        Raises:
            ConfigError: as `check_path`; or it cannot be written.
        """
        check_path(path)
        files = {path: self._test(path.stem)}
        if path.name.endswith(_CARD):
            files = {path: self._card(), rows_beside(path): self._row()}
        write_new(files, where=f"--save {path}")

    def _card(self) -> str:
        lines = [f"prompt = {toml_value(self.template)}"]
        if self.system is not None:
            lines.append(f"system = {toml_value(self.system)}")
        scorers: Sequence[ScorerSpec] = self.scorers or ["contains_any"]
        lines.append(f"scorers = [{', '.join(map(toml_value, scorers))}]")
        return "\n".join(lines) + "\n"

    def _row(self) -> str:
        row: dict[str, Json] = {"id": "tried", **self.variables}
        row.setdefault("input", self.template)
        if self.target is not None:
            row["target"] = self.target
        return json.dumps(row, ensure_ascii=False) + "\n"

    def _test(self, name: str) -> str:
        text = render(self.template, self.variables, where="the prompt")
        imports, asserts, sample = set(), [], []
        for spec in self.scorers:
            expression, needed = _expression(spec)
            imports |= needed
            asserts.append(f"    assert_score(answer, {expression}, sample=SAMPLE)")
        if asserts:
            imports.add("from llmlab_pytest import Sample, assert_score")
            target = "" if self.target is None else f", target={self.target!r}"
            sample = [f'SAMPLE = Sample(id="tried", input=PROMPT{target})']
        system = "" if self.system is None else f", system={self.system!r}"
        return "\n".join(
            [
                *(f"{line}" for line in sorted(imports)),
                *([""] if imports else []),
                f"PROMPT = {text!r}",
                *sample,
                "",
                "",
                f"def {name}(llm):",
                f"    answer = llm.chat(PROMPT{system})",
                *(asserts or ["    assert answer.text"]),
                "",
            ]
        )


def rows_beside(card: Path) -> Path:
    """Return the file with the rows of a card."""
    return card.with_name(card.name.removesuffix(_CARD) + ".jsonl")


def _expression(spec: ScorerSpec) -> tuple[str, set[str]]:
    """Return a scorer as Python writes it, and what has to be imported."""
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = str(options.pop("name"))
    for room, names in (("judging", JUDGE_SCORERS), ("meaning", MEANING_SCORERS)):
        if name in names:
            given = ", ".join(f"{key}={value!r}" for key, value in options.items())
            return f"{name}({given})", {f"from llmlab_pytest.{room} import {name}"}
    return repr(spec if isinstance(spec, str) else dict(spec)), set()


def toml_value(value: object) -> str:
    """Return a value as TOML: what JSON writes is, but for tables and null."""
    if isinstance(value, Mapping):
        pairs = [f"{_key(key)} = {toml_value(each)}" for key, each in value.items()]
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    # Of what JSON leaves as it is, TOML takes all but DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else toml_value(name)
