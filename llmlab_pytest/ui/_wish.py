"""What a visitor wants to try, read from what the page sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from llmlab_pytest.asking import (
    DEFAULT_RUBRIC,
    Decoding,
    Prompt,
    asks_judge,
    read_scorer,
)
from llmlab_pytest.core import ConfigError, shorten
from llmlab_pytest.scorers import ScorerSpec

_MOST_ANSWERS = 20
_MOST_CALLS = 100
_MOST_TOKENS = 1_000_000
_MOST_TEMPERATURE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A prompt, the models to ask, and how to score their answers."""

    prompt: Prompt
    models: Sequence[str]
    """Aliases of the registry."""
    answers: int
    """Of each model, from 1."""
    decoding: Decoding
    scorers: Sequence[ScorerSpec]
    judges: Sequence[str]
    target: str | None


def read_wish(content: Any) -> Wish:
    """Read a try.

    Raises:
        ConfigError: something in it is missing or is not what it must be.
    """
    sent = _Sent(content)
    wish = Wish(
        prompt=Prompt(
            sent.text("template"), sent.texts_by_name("variables"), sent.given("system")
        ),
        models=sent.texts("models"),
        answers=sent.whole("answers", 1, _MOST_ANSWERS) or 1,
        decoding=Decoding(
            max_tokens=sent.whole("max_tokens", 1, _MOST_TOKENS),
            temperature=sent.number("temperature", _MOST_TEMPERATURE),
        ),
        scorers=_scorers(sent),
        judges=sent.texts("judges"),
        target=sent.given("target"),
    )
    if len(wish.models) * wish.answers > _MOST_CALLS:
        raise ConfigError(
            f"{len(wish.models)} models are to give {wish.answers} answers each.",
            allowed=f"A try has up to {_MOST_CALLS} answers.",
        )
    return wish


def _scorers(sent: "_Sent") -> list[ScorerSpec]:
    specs = [*map(read_scorer, sent.texts("scorers"))]
    if (words := sent.given("expect")) is not None:
        specs.append({"name": "contains_any", "keywords": [words]})
    if sent.texts("judges") and not any(map(asks_judge, specs)):
        specs.append(DEFAULT_RUBRIC)
    return specs


class _Sent:
    """The fields of what was sent, each of its kind."""

    def __init__(self, content: Any) -> None:
        if not isinstance(content, Mapping):
            raise _wrong("what is sent", content, "an object")
        self._content = content

    def text(self, name: str) -> str:
        return _text(name, self._content.get(name, ""))

    def given(self, name: str) -> str | None:
        """Return a text that may be left out; an empty one is."""
        value = self._content.get(name)
        return None if value in (None, "") else _text(name, value)

    def texts(self, name: str) -> list[str]:
        values = self._content.get(name, [])
        if not isinstance(values, list):
            raise _wrong(name, values, "a list of texts")
        return list(dict.fromkeys(_text(name, value) for value in values))

    def texts_by_name(self, name: str) -> dict[str, str]:
        values = self._content.get(name, {})
        if not isinstance(values, Mapping):
            raise _wrong(name, values, "an object of texts")
        return {_text(name, key): _text(name, value) for key, value in values.items()}

    def whole(self, name: str, least: int, most: int) -> int | None:
        value = self._content.get(name)
        if value is None:
            return None
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not least <= value <= most:
            raise _wrong(name, value, f"a whole number from {least} to {most}")
        return int(value)

    def number(self, name: str, most: float) -> float | None:
        value = self._content.get(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not isfinite(value) or not 0 <= value <= most:
            raise _wrong(name, value, f"a number from 0 to {most:g}")
        return float(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # half a character, which no model can be sent
        raise _wrong(name, value, "a text of whole characters") from error
    return value


def _wrong(name: str, value: object, kind: str) -> ConfigError:
    return ConfigError(f"{name} is {shorten(repr(value))}.", allowed=f"It is {kind}.")
