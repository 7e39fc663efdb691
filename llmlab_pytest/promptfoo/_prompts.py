"""The prompts of a configuration: texts, files, and conversations in JSON or YAML."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llmlab_pytest.core import ConfigError, Json, shorten, slug
from llmlab_pytest.promptfoo._files import (
    PREFIX,
    content_of,
    data_of,
    matching,
    refuse_code,
)
from llmlab_pytest.promptfoo._keys import check_keys
from llmlab_pytest.promptfoo._templates import as_json, render, render_inside
from llmlab_pytest.tasks import load_rows
from llmlab_pytest.yaml_files import Placed, parse_yaml

_KINDS = (".txt", ".md", ".j2", ".json", ".jsonl", ".yaml", ".yml", ".csv")
_DELIMITER = "---"
_MOST_NAME = 40
_ROLE = "- role:"
Turns = list[Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One template."""

    text: str
    title: str
    """What tests name it by."""
    name: str
    """What the task is called by; unique in a configuration."""
    where: str

    def asked(
        self, variables: Mapping[str, Json], *, prefix: str = "", suffix: str = ""
    ) -> str | Turns:
        """Return what a model is asked: a text, or the turns of a conversation.

        Raises:
            ConfigError: a template has an error, or what it makes is no conversation.
        """
        template = f"{prefix}{self.text}{suffix}"
        made = _json_of(template)
        if made is not None:
            made = render_inside(made, variables, where=self.where)
            return _turns(made, self.where) or as_json(made, 2)
        text = render(template, variables, where=self.where)
        if text.strip().startswith(_ROLE):
            made = parse_yaml(text, f"{self.where}, rendered").value
        else:
            made = _json_of(text)
        return (_turns(made, self.where) if made is not None else None) or text

    def is_named(self, name: str) -> bool:
        """Whether a test means this prompt: by its title, or the beginning of it."""
        if name.endswith("*"):
            return self.title.startswith(name[:-1])
        return self.title == name or self.title.startswith(f"{name}:")


def prompts_of(config: Placed, folder: Path) -> list[Prompt]:
    """Return the prompts in order; without any, the variable `prompt` is asked.

    Raises:
        ConfigError: a file cannot be read, is code, or there is no prompt in it.
    """
    given = config.get("prompts")
    if given is None:
        given = Placed(["{{prompt}}"], config.where)
    found = list(_read(given, folder))
    if not found:
        raise ConfigError(f"{given.where}: there is no prompt.", fix="Write one.")
    names = [prompt.name for prompt in found]
    return [
        prompt
        if names.count(prompt.name) == 1
        else replace(prompt, name=f"{prompt.name}-{number}")
        for number, prompt in enumerate(found, start=1)
    ]


def _read(given: Placed, folder: Path) -> Iterator[Prompt]:
    if isinstance(given.value, str):
        yield from _of(given.value, "", folder, given.where)
    elif isinstance(given.value, dict):
        for name, title in given.fields().items():
            yield from _of(name, title.text(), folder, title.where)
    else:
        for each in given.entries():
            if isinstance(each.value, str):
                yield from _of(each.value, "", folder, each.where)
            else:
                yield from _described(each, folder)


def _described(given: Placed, folder: Path) -> Iterator[Prompt]:
    check_keys(given, "prompt")
    raw, name, title = (given.get(key) for key in ("raw", "id", "label"))
    text = raw or name
    if text is None:
        raise ConfigError(
            f"{given.where}: the prompt has neither raw nor id.",
            fix="Give it raw: a template, or the name of a file.",
        )
    shown = title or (name if raw else None)
    yield from _of(text.text(), shown.text() if shown else "", folder, given.where)


def _of(text: str, title: str, folder: Path, where: str) -> Iterator[Prompt]:
    if text.startswith("exec:"):
        refuse_code("prompt.py", where=where)
    name = text.removeprefix(PREFIX)
    if not text.startswith(PREFIX) and not _is_name_of_file(name, folder):
        yield _prompt(text, title or text, where)
        return
    for path in matching(name, folder, where=where):
        texts = list(_texts_in(path, where))
        if not texts:
            raise ConfigError(
                f"{where}: there is no prompt in {str(path)!r}.", fix="Write one."
            )
        for number, (each, own) in enumerate(texts, start=1):
            more = f"-{number}" if len(texts) > 1 else ""
            shown = own or (f"{title}: {path}: {each}" if title and more else title)
            named = slug(own or title or path.name.partition(".")[0])
            yield Prompt(
                text=each,
                title=shown or f"{path.relative_to(folder)}: {each}",
                name=f"{named[:_MOST_NAME]}{'' if own else more}",
                where=str(path),
            )


def _is_name_of_file(text: str, folder: Path) -> bool:
    """Whether a text without `file://` is a name: by its ending, on one line."""
    if "\n" in text or "{{" in text:
        return False
    refuse_code(text if " " not in text else "", where=text)
    if not text.endswith(_KINDS) and "*" not in text:
        return False
    return any(folder.glob(text)) if not Path(text).is_absolute() else True


def _prompt(text: str, title: str, where: str) -> Prompt:
    # A conversation has no short name of its own; the number makes it unique.
    is_json = text.lstrip().startswith(("[", '{"', _ROLE))
    name = "chat" if is_json and title == text else slug(title)[:_MOST_NAME]
    return Prompt(text=text, title=title, name=name.strip("-") or "prompt", where=where)


def _texts_in(path: Path, where: str) -> Iterator[tuple[str, str]]:
    """Yield the prompts of a file, each with a title of its own, or `""`."""
    if path.suffix == ".csv":
        yield from _table(path, where)
        return
    if path.suffix in (".json", ".yaml", ".yml"):
        yield as_json(data_of(path, where=where)), ""
        return
    text = content_of(path, where=where)
    if path.suffix == ".txt":
        for part in _parted(text.splitlines()):
            yield part, ""
    elif path.suffix == ".jsonl":
        for line in filter(None, text.splitlines()):
            yield line, ""
    elif path.suffix in (".md", ".j2"):
        yield text, ""
    else:
        raise ConfigError(
            f"{where}: a prompt in {str(path)!r}.",
            allowed=f"Prompts are read from {', '.join(_KINDS)}.",
        )


def _table(path: Path, where: str) -> Iterator[tuple[str, str]]:
    text = content_of(path, where=where)
    lines = [line for line in text.splitlines() if line.strip()]
    if "," not in text:
        is_headed = bool(lines) and lines[0].strip().lower() == "prompt"
        yield from ((line, "") for line in lines[is_headed:])
        return
    for row in load_rows(path):
        if row.get("prompt"):
            yield row["prompt"].strip(), (row.get("label") or "").strip()


def _parted(lines: Sequence[str]) -> Iterator[str]:
    """Yield the texts between lines of three dashes."""
    part: list[str] = []
    for line in (*lines, _DELIMITER):
        if line.strip() != _DELIMITER:
            part.append(line)
            continue
        if text := "\n".join(part).strip():
            yield text
        part = []


def _json_of(text: str) -> Json:
    """Return the list or object that a text is, `None` if it is none."""
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        made: Json = json.loads(text)
    except ValueError:
        return None
    return made


def _turns(made: Json, where: str) -> Turns | None:
    """Return the turns of a conversation, `None` if the value is none."""
    if not isinstance(made, list) or not made or not isinstance(made[0], dict):
        return None
    if "role" not in made[0]:
        return None
    for turn in made:
        if not isinstance(turn, dict) or not isinstance(turn.get("content"), str):
            raise ConfigError(
                f"{where}: {shorten(repr(turn))} where the turn of a chat stands.",
                allowed="A turn has a role and a content, which is a text.",
                fix="For images and tools, write a test in Python.",
            )
    return made
