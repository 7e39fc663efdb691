"""Which call a recorded answer belongs to, and the file that holds it.

The address is a digest of what the test asks: owner, item, draw, model and request.
Nothing of this machine is in it, so that a folder recorded on one machine replays on
every other. Secrets are hidden before anything is digested or named.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Self

from llmlab_pytest.core import Json, ModelSpec, digest_of, redactor, slug

_DIGITS = 12
"""Hex digits of the address in a file's name: 10,000 files share one by chance once in
five million folders, and then the item's name still tells them apart."""
_OWNER_CHARS = 80
_ITEM_CHARS = 40
PARTS = ("draw", "item", "model", "owner", "request")
"""The keys of a described call, in the order of the file."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call as a cassette describes it; holds no secret."""

    alias: str
    """What the model is called; the name of its folder, and no part of the address."""
    parts: Mapping[str, Any]
    """Plain JSON by the keys of `PARTS`."""
    asked: str = ""
    """Digest of what was really asked, secrets included; never written."""

    @classmethod
    def of(
        cls,
        spec: ModelSpec,
        *,
        model: Mapping[str, Json],
        request: Mapping[str, Any],
        owner: str,
        item: str,
        draw: int,
    ) -> Self:
        """Describe a call.

        Args:
            spec: the model's entry.
            model: what every machine agrees on about the model.
            request: as JSON, every default filled in.
            owner: the task, or the test file.
            item: the sample's id, or the test.
            draw: the sample's epoch, or how often the test has asked the same.
        """
        parts = {
            "owner": owner,
            "item": item,
            "draw": draw,
            "model": model,
            "request": request,
        }
        return cls(spec.alias, _whole(hidden(parts, redactor())), asked=_digest(parts))

    @property
    def address(self) -> str:
        """The sha256 of the description, 64 hex digits."""
        return _digest(dict(self.parts))

    @property
    def greedy_address(self) -> str | None:
        """The address without owner and item; `None` where answers are drawn.

        Greedy answers to one request are the same in whichever test asks.
        """
        if (self.parts["request"].get("config") or {}).get("temperature"):
            return None
        return _digest([self.parts[name] for name in ("draw", "model", "request")])

    @property
    def folder(self) -> PurePosixPath:
        """Where the answers of this model and owner lie, below the cassettes."""
        return model_folder(self.alias) / _name(self.parts["owner"], _OWNER_CHARS)

    @property
    def file(self) -> PurePosixPath:
        """Where this answer lies, below the cassettes."""
        return self.folder / f"{self.item_name}-{self.address[:_DIGITS]}.json"

    @property
    def item_name(self) -> str:
        """What the names of all answers to this item begin with."""
        # The file of a test is its folder here; the rest of its id names it.
        text = self.parts["item"].removeprefix(f"{self.parts['owner']}::")
        return _name(text, _ITEM_CHARS)


def model_folder(alias: str) -> PurePosixPath:
    """Return the folder of a model, below the cassettes."""
    return PurePosixPath(_name(redactor()(alias), _OWNER_CHARS))


def hidden(value: Any, hide: Callable[[str], str]) -> Any:
    """Return JSON without secrets, tuples as lists.

    Args:
        value: any JSON.
        hide: from `redactor`.
    """
    match value:
        case str():
            return hide(value)
        case Mapping():
            return {hide(name): hidden(part, hide) for name, part in value.items()}
        case list() | tuple():
            return [hidden(part, hide) for part in value]
        case _:
            return value


def _whole(value: Any) -> Any:
    """Return whole numbers as integers: `temperature=0` and `0.0` are one request."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _whole(part) for name, part in value.items()}
        case list():
            return [_whole(part) for part in value]
        case _:
            return value


def _digest(value: object) -> str:
    # ASCII escapes keep a lone surrogate, which UTF-8 has not.
    return digest_of(json.dumps(value, sort_keys=True, allow_nan=False))


def _name(text: str, most_chars: int) -> str:
    """Return a file name for a text; what is cut off stays in the address."""
    return re.sub(r"^\.+", "-", slug(text))[:most_chars].rstrip(".-") or "-"
