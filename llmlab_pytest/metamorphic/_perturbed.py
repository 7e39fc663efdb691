"""Any of the perturbations, one upon the other, of one text or of several."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from llmlab_pytest.core import ConfigError
from llmlab_pytest.metamorphic._context import paraphrased, with_irrelevant_context
from llmlab_pytest.metamorphic._edits import check_range, some_of
from llmlab_pytest.metamorphic._letters import changed_case, typos, unicode, whitespace

Perturb = Callable[[str], st.SearchStrategy[str]]
_ALL: tuple[Perturb, ...] = (
    paraphrased,
    with_irrelevant_context,
    whitespace,
    changed_case,
    typos,
    unicode,
)


class Variant(NamedTuple):
    """A text and one that should be answered alike."""

    original: str
    changed: str


def perturbed(
    text: str, kinds: Sequence[Perturb] = _ALL, *, at_most: int = 2
) -> st.SearchStrategy[str]:
    """Draw a text changed in several ways.

    Args:
        text: the unchanged text; values shrink to it, then to one kind of change.
        kinds: functions from a text to a strategy, such as `typos`; with other options
            by `functools.partial`. By default all of them.
        at_most: so many kinds are laid upon each other.

    Raises:
        ConfigError: there are no kinds.
    """
    check_range(0, at_most, what="perturbed")
    if not kinds:
        raise ConfigError(
            "perturbed() got no kinds of changes.", fix="Give one, such as typos."
        )
    return _layered(text, tuple(kinds), at_most)


def variants(
    originals: Sequence[str], perturb: Perturb = perturbed
) -> st.SearchStrategy[Variant]:
    """Draw one of several texts, with a change of it.

    Args:
        originals: the unchanged texts; values shrink to the first.
        perturb: what is done to them, such as `typos`.
    """
    return st.sampled_from(originals).flatmap(
        lambda text: perturb(text).map(lambda changed: Variant(text, changed))
    )


@st.composite
def _layered(
    draw: st.DrawFn, text: str, kinds: tuple[Perturb, ...], at_most: int
) -> str:
    for perturb in draw(some_of(kinds, 0, min(at_most, len(kinds)), key=id)):
        text = draw(perturb(text))
    return text
