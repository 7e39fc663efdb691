"""What samples exercise, as a card or a mark says: names, or lists of them, by kind."""

from collections.abc import Mapping, Sequence

from llmlab_pytest.core import TEXTS, Kind

COVERS = Kind(
    "a table of names, or lists of names, by kind",
    lambda v: (
        isinstance(v, dict)
        and all(isinstance(each, str) or TEXTS.accepts(each) for each in v.values())
    ),
)


def covers_of(value: Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the names of each kind as a tuple, one alone, too."""
    return {
        kind: (names,) if isinstance(names, str) else tuple(names)
        for kind, names in value.items()
    }
