"""A value that knows where it was written, for messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmlab_pytest.core import ConfigError, Json, shorten


@dataclass(frozen=True, slots=True)
class Placed:
    """A value of a file, and where it stands."""

    value: Json
    where: str
    """`file:line`, or what is known of it."""
    parts: "Mapping[str, Placed] | Sequence[Placed] | None" = None
    """The values of a mapping or a list; `None`: they stand where the whole does."""
    count: int = 1
    """How many values it is, itself included."""

    def get(self, name: str) -> "Placed | None":
        """Return a value of a mapping; `None` where it is not there, or is null."""
        found = self.fields().get(name)
        return None if found is None or found.value is None else found

    def fields(self) -> "dict[str, Placed]":
        """Return the values of a mapping.

        Raises:
            ConfigError: it is no mapping.
        """
        if not isinstance(self.value, Mapping):
            raise self._no("a mapping")
        if isinstance(self.parts, Mapping):
            return dict(self.parts)
        return {key: Placed(each, self.where) for key, each in self.value.items()}

    def entries(self) -> "list[Placed]":
        """Return the values of a list.

        Raises:
            ConfigError: it is no list.
        """
        if isinstance(self.value, str) or not isinstance(self.value, Sequence):
            raise self._no("a list")
        if isinstance(self.parts, Sequence):
            return list(self.parts)
        return [Placed(each, self.where) for each in self.value]

    def text(self) -> str:
        """Return a text.

        Raises:
            ConfigError: it is none.
        """
        if not isinstance(self.value, str):
            raise self._no("a text")
        return self.value

    def number(self) -> float:
        """Return a number.

        Raises:
            ConfigError: it is none.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise self._no("a number")
        return self.value

    def _no(self, wanted: str) -> ConfigError:
        return ConfigError(
            f"{self.where}: {shorten(repr(self.value))}.",
            allowed=f"Here stands {wanted}.",
        )
