"""Turns of a conversation: text, images, calls of tools and their results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from llmlab_pytest.core._image import Image
from llmlab_pytest.core._json import Json

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may ask to have called; nobody calls it for the model."""

    name: str
    """At most 64 letters, digits, `_` and `-`: what every vendor takes."""
    description: str = ""
    """What it does, for the model."""
    parameters: Mapping[str, Json] = field(
        default_factory=lambda: {"type": "object", "properties": {}}, hash=False
    )
    """A JSON Schema of an object: its arguments by name."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model asks for."""

    id: str
    """Links a result to the call; made by the provider, another one each time."""
    name: str
    arguments: Mapping[str, Json] | str = field(hash=False)
    """By name. What is no JSON object stands here as the model wrote it: that is the
    model's mistake, and equals none of the arguments that a test compares it with."""

    @property
    def is_valid(self) -> bool:
        """Whether the model wrote its arguments as a JSON object."""
        return not isinstance(self.arguments, str)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str | tuple[str | Image, ...]
    """A text; or texts and images, in the order in which the model reads them."""
    tool_calls: tuple[ToolCall, ...] = ()
    """What the assistant asked to have called in this turn."""
    tool_call_id: str | None = None
    """The call whose result this is; goes with the role `tool`."""

    @property
    def text(self) -> str:
        """The texts of the turn, one a line; images are left out."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part for part in self.content if isinstance(part, str))

    @property
    def images(self) -> tuple[Image, ...]:
        """The images of the turn, in order."""
        if isinstance(self.content, str):
            return ()
        return tuple(part for part in self.content if isinstance(part, Image))
