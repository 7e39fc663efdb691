"""A named collection with did-you-mean errors, used for everything users name."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from llmlab_pytest.core._errors import ConfigError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Names mapped to objects; the order is by name, so every process agrees."""

    def __init__(self, kind: str) -> None:
        """Name the kind of entry in the singular, e.g. `"scorer"`, for messages."""
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._sources: dict[str, str] = {}

    def register(
        self, name: str, entry: T, *, source: str = "", replace: bool = False
    ) -> None:
        """Add an entry.

        Raises:
            ConfigError: the name is taken and `replace` is false.
        """
        if name in self._entries and not replace:
            first = self._sources[name] or "an earlier registration"
            second = source or "another"
            raise ConfigError(
                f"The {self.kind} {name!r} is registered twice: "
                f"by {first} and by {second}.",
                fix="Rename one, or pass replace=True.",
            )
        self._entries[name] = entry
        self._sources[name] = source

    def __getitem__(self, name: str) -> T:
        """Return the entry, or raise `KeyError`; `get_or_raise` explains itself."""
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in alphabetical order."""
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def get_or_raise(self, name: str, *, where: str) -> T:
        """Return the entry called `name`.

        Args:
            name: as the user wrote it.
            where: the place it was written, e.g. `"--llm"` or `"card.toml:3"`.

        Raises:
            ConfigError: unknown; suggests the closest names or lists all.
        """
        if name in self._entries:
            return self._entries[name]
        raise unknown_name(self.kind, name, list(self), where=where)


def unknown_name(
    kind: str, name: str, known: list[str], *, where: str, fix: str = ""
) -> ConfigError:
    """Build the error for a name that is not among `known`, with suggestions."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        allowed = f"Did you mean {' or '.join(repr(match) for match in close)}?"
    else:
        allowed = f"Known: {', '.join(sorted(known)) or 'none'}."
    return ConfigError(f"Unknown {kind} {name!r} in {where}.", allowed=allowed, fix=fix)
