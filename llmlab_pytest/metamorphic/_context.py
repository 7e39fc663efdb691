"""Changes around a text: other wordings, other orders, and what has no bearing."""

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

from llmlab_pytest.core import ConfigError, shorten
from llmlab_pytest.metamorphic._edits import check_range, some_of

T = TypeVar("T")
_SLOT = "{text}"

PARAPHRASES: tuple[str, ...] = (
    "Please answer: {text}",
    "{text} Please answer.",
    "I have a question. {text}",
    "Could you help me with this? {text}",
    "Someone asked me the following, and I would like to tell them. {text}",
    "Here is what I want to know:\n\n{text}",
)
"""Frames in English that ask for the same as the text alone."""

IRRELEVANT: tuple[str, ...] = (
    "I had tea this morning.",
    "My neighbour has painted the garden fence green.",
    "The bus was a little late today.",
    "By the way, my sister's cat sleeps on the piano.",
    "I am writing this on a train.",
)
"""Sentences in English that have no bearing on most questions."""


def paraphrased(
    text: str, templates: Sequence[str] = PARAPHRASES, *, at_least: int = 0
) -> st.SearchStrategy[str]:
    """Draw a text in another frame of words.

    Args:
        text: the unchanged text; values shrink to it, then to the first template.
        templates: each holds `{text}` once; other braces stay as they are.
        at_least: 1 leaves the unchanged text out.

    Raises:
        ConfigError: a template does not hold `{text}` once, or there is none.
    """
    check_range(at_least, 1, what="paraphrased")
    wrong = [each for each in templates if each.count(_SLOT) != 1]
    if wrong or not templates or isinstance(templates, str):
        shown = shorten(repr(wrong[0] if wrong else templates))
        raise ConfigError(
            f"paraphrased() got the template {shown}.",
            allowed="It takes a list of texts that hold {text} once.",
        )
    frames = [*templates] if at_least else [_SLOT, *templates]
    return st.sampled_from(frames).map(lambda frame: frame.replace(_SLOT, text))


def reordered(options: Sequence[T]) -> st.SearchStrategy[tuple[T, ...]]:
    """Draw the options in another order.

    Args:
        options: e.g. the answers to choose from; values shrink to their order here,
            then to orders in which two have changed places.
    """
    return st.permutations(options).map(tuple)


def with_irrelevant_context(
    text: str,
    sentences: Sequence[str] = IRRELEVANT,
    *,
    at_least: int = 0,
    at_most: int = 2,
) -> st.SearchStrategy[str]:
    """Draw a text with sentences before or after it that have no bearing on it.

    Args:
        text: the unchanged text; values shrink to it.
        sentences: what may be added, each once.
        at_least: the fewest sentences.
        at_most: the most sentences.

    Raises:
        ConfigError: there are fewer sentences than `at_least`.
    """
    check_range(at_least, at_most, what="with_irrelevant_context")
    kinds = list(dict.fromkeys(sentences))
    if isinstance(sentences, str) or len(kinds) < at_least:
        raise ConfigError(
            f"with_irrelevant_context() got {sentences!r}.",
            allowed=f"It takes a list of at least {at_least} sentences.",
        )
    if not kinds or not at_most:
        return st.just(text)
    placed = [(sentence, is_first) for is_first in (False, True) for sentence in kinds]
    added = some_of(placed, at_least, min(at_most, len(kinds)), key=lambda p: p[0])
    return added.map(lambda placed: _around(text, placed))


def _around(text: str, placed: Sequence[tuple[str, bool]]) -> str:
    before = [sentence for sentence, is_first in placed if is_first]
    after = [sentence for sentence, is_first in placed if not is_first]
    return " ".join([*before, text, *after])
