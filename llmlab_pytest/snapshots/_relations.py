"""What it means that a text is still the one that was kept."""

from dataclasses import dataclass
from typing import Protocol

from llmlab_pytest.core import ConfigError
from llmlab_pytest.meaning import MINILM, similarity
from llmlab_pytest.scorers import normaliser_of, score


class Relation(Protocol):
    """Compares a text with the one that was kept."""

    def fault(self, text: str, kept: str) -> str | None:
        """Return how they differ, or `None` if they are alike enough."""
        ...


@dataclass(frozen=True, slots=True)
class Exact:
    """Every character is the same."""

    def fault(self, text: str, kept: str) -> str | None:
        """Return how the texts differ, or `None`."""
        return None if text == kept else "the text is another one"


@dataclass(frozen=True, slots=True)
class Normalised:
    """The texts are the same once both are normalised."""

    names: tuple[str, ...] = ("casefold", "punctuation", "whitespace")
    """Normalisers as in the scorer `exact`, applied in this order."""

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            ConfigError: a normaliser is unknown.
        """
        normaliser_of(self.names)

    def fault(self, text: str, kept: str) -> str | None:
        """Return how the texts differ, or `None`."""
        normalise = normaliser_of(self.names)
        if normalise(text) == normalise(kept):
            return None
        return f"the text is another one after {', '.join(self.names) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Semantic:
    """The texts mean nearly the same: the scorer `similarity`."""

    at_least: float = 0.8
    """The lowest similarity that passes, from 0 to 1."""
    model: str = MINILM
    """What turns texts into vectors."""

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            ConfigError: it is not within 0 and 1.
        """
        if not 0 <= self.at_least <= 1:
            raise ConfigError(
                f"at_least is {self.at_least!r}.", allowed="It is a number from 0 to 1."
            )

    def fault(self, text: str, kept: str) -> str | None:
        """Return how similar the texts are, or `None` if they are enough.

        Raises:
            MissingDependency: extra [local] is not installed.
        """
        if text == kept:
            return None
        value = score(text, similarity(model=self.model), target=kept).value
        if value is not None and value >= self.at_least:
            return None
        return f"the similarity is {value:.3f}, below {self.at_least:g}"
