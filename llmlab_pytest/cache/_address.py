"""The address of an answer: a digest of what decides it, and of nothing else.

Not in it: the model's alias, its prices, keys, time limits and how far ahead it was
asked. Two suites that ask the same of the same model share one answer.
"""

import json
from dataclasses import dataclass
from typing import Any, Self

from llmlab_pytest.core import Json, digest_of

_FORMAT = 1
"""Grows when an answer comes to mean something else, or is decided by more."""


def draw_of(request: dict[str, Any], *, epoch: int, place: str) -> list[Json]:
    """Return what tells several answers to one request apart.

    Sampled answers are draws: each epoch has its own, and so has each test that asks.
    A greedy answer is the same in every epoch. A test that asks the same twice wants
    to see two answers, also greedy ones: servers differ from call to call.

    Args:
        request: as JSON.
        epoch: of the sample, or how often the test has asked the same.
        place: the test that asks; empty for a sample.
    """
    if (request.get("config") or {}).get("temperature"):
        return [place, epoch]
    return [epoch] if place and epoch > 1 else []


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a model, as the cache sees it."""

    text: str
    """JSON in ASCII, keys sorted: format, model, request and draw."""

    @classmethod
    def of(
        cls, identity: dict[str, Json], request: dict[str, Any], draw: list[Json]
    ) -> Self:
        """Describe a call by what decides its answer.

        Args:
            identity: of the model.
            request: as JSON, every default filled in.
            draw: from `draw_of`.
        """
        parts = {"format": _FORMAT, "model": identity, "request": request, "draw": draw}
        # ASCII escapes keep a lone surrogate, which UTF-8 has not.
        return cls(json.dumps(parts, sort_keys=True, allow_nan=False))

    @property
    def address(self) -> str:
        """The sha256 of the description, 64 hex digits."""
        return digest_of(self.text)

    @property
    def parts(self) -> dict[str, Any]:
        """The description as JSON."""
        parts: dict[str, Any] = json.loads(self.text)
        return parts
