"""Any of the perturbations, one upon the other, of one text or of several."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as with_seed
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
_INPUTS_FOR_EACH = 4
"""Some of what hypothesis draws is the unchanged text, or has come before."""


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


def changes(
    text: str, perturb: Perturb = perturbed, *, count: int = 3, seed: int = 1234
) -> tuple[str, ...]:
    """Return some changes of a text, without looking for one that fails.

    For sample tests: each sample is asked in the same few ways in every run, and the
    part that is answered alike has an interval and a gate.

    Args:
        text: the unchanged text.
        perturb: what is done to it, such as `typos`.
        count: how many; fewer come back where there are not as many.
        seed: other numbers draw other changes. With another version of hypothesis, the
            same number may, too.

    Raises:
        ConfigError: `count` is below 1.
    """
    if count < 1:
        raise ConfigError(f"changes() got count={count!r}.", allowed="It is 1 or more.")
    found: dict[str, None] = {}

    @with_seed(seed)
    @settings(
        max_examples=_INPUTS_FOR_EACH * count,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(perturb(text))
    def collect(changed: str) -> None:
        if changed != text and len(found) < count:
            found[changed] = None

    collect()
    return tuple(found)


@st.composite
def _layered(
    draw: st.DrawFn, text: str, kinds: tuple[Perturb, ...], at_most: int
) -> str:
    for perturb in draw(some_of(kinds, 0, min(at_most, len(kinds)), key=id)):
        text = draw(perturb(text))
    return text
