"""Edits of a text, and strategies that make a few of them.

A strategy draws each edit or none in its place. Hypothesis shrinks to what needs the
fewest draws, so that the unchanged text is the simplest value, then one edit, the
earliest and plainest first.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from hypothesis import strategies as st

from llmlab_pytest.core import ConfigError, shorten

T = TypeVar("T")


class Edit(NamedTuple):
    """What stands from `start` to `stop` becomes `text`."""

    start: int
    stop: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits made; one that overlaps an earlier one is left out."""
    parts, end = [], 0
    for edit in sorted(edits):
        if edit.start < end:
            continue
        parts += [text[end : edit.start], edit.text]
        end = edit.stop
    return "".join([*parts, text[end:]])


def some_edits(
    text: str, edits: Iterable[Edit], *, at_least: int, at_most: int, what: str
) -> st.SearchStrategy[str]:
    """Return a strategy of the text with some of the edits made.

    Args:
        text: the unchanged one.
        edits: what may be done, the simplest first.
        at_least: so many edits are drawn; with 1 or more the text always differs.
        at_most: and so many at most.
        what: the name of the strategy, for messages.

    Raises:
        ConfigError: the numbers are no range, or there is nothing to edit where
            something has to be.
    """
    check_range(at_least, at_most, what=what)
    candidates = [edit for edit in edits if text[edit.start : edit.stop] != edit.text]
    places = len({edit.start for edit in candidates})
    if places < at_least:
        raise ConfigError(
            f"{what}({shorten(text)!r}, at_least={at_least}) finds {places} places.",
            fix="Lower at_least, or give a text that it can change.",
        )
    if not candidates or not at_most:
        return st.just(text)
    drawn = some_of(candidates, at_least, min(at_most, places), key=lambda e: e.start)
    results = drawn.map(lambda chosen: edited(text, chosen))
    return results.filter(lambda result: result != text) if at_least else results


def some_of(
    candidates: Sequence[T],
    at_least: int,
    at_most: int,
    *,
    key: Callable[[T], object],
) -> st.SearchStrategy[list[T]]:
    """Return a strategy of lists of candidates, seldom of none.

    Each optional item is a number drawn by itself: the lowest quarter stands for no
    item, and 0 is what hypothesis shrinks to first. So each can go without the others,
    where hypothesis' own lists often keep more items than are needed; and there are
    fewer empty lists, which are half of those of at most two.

    Args:
        candidates: what is drawn from, the simplest first.
        at_least: the length of the shortest list.
        at_most: the length of the longest list.
        key: what is drawn once only.
    """
    nothing = -(-len(candidates) // 3)
    number = st.integers(0, nothing + len(candidates) - 1)
    numbers = st.tuples(*[number] * (at_most - at_least))

    def chosen(needed: list[T], others: tuple[int, ...]) -> list[T]:
        found = {key(candidate): candidate for candidate in needed}
        for other in others:
            if other >= nothing:
                candidate = candidates[other - nothing]
                found.setdefault(key(candidate), candidate)
        return list(found.values())

    if not at_least:
        return numbers.map(lambda others: chosen([], others))
    needed = st.lists(
        st.sampled_from(candidates), min_size=at_least, max_size=at_least, unique_by=key
    )
    return st.tuples(needed, numbers).map(lambda both: chosen(*both))


def check_range(at_least: int, at_most: int, *, what: str) -> None:
    """Raise `ConfigError` if the numbers of changes are no range."""
    if not 0 <= at_least <= at_most:
        raise ConfigError(
            f"{what} has at_least={at_least!r} and at_most={at_most!r}.",
            allowed="Both are whole numbers from 0; at_most is the larger.",
        )


def check_kinds(kinds: Sequence[str], known: Iterable[str], *, what: str) -> None:
    """Raise `ConfigError` for kinds of changes that are unknown, or none at all."""
    known = tuple(known)
    if isinstance(kinds, str) or not kinds or any(kind not in known for kind in kinds):
        raise ConfigError(
            f"{what} has kinds={kinds!r}.",
            allowed=f"It takes a list of {', '.join(known)}.",
        )
