"""Packs: every sequence is read whole, and nothing is read twice."""

from collections.abc import Iterator, Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given

from llmlab_pytest.providers import _local_forest
from llmlab_pytest.providers._local_continuation import Scored, count_tokens
from llmlab_pytest.providers._local_forest import Pack, Tokens, plan_packs

SHOTS = tuple(range(100, 140))


@st.composite
def sequences(draw: st.DrawFn) -> list[Scored]:
    """Draw sequences that share beginnings, with any number of targets."""
    stem = draw(st.lists(st.integers(0, 2), min_size=1, max_size=30))
    found = []
    for _ in range(draw(st.integers(1, 10))):
        kept = stem[: draw(st.integers(0, len(stem)))]
        own = draw(st.lists(st.integers(0, 2), min_size=not kept, max_size=8))
        inputs = (*kept, *own)
        targets = draw(st.integers(1, len(inputs)))
        found.append(Scored(inputs, tuple(range(targets))))
    return found


def seen_by(pack: Pack) -> Iterator[tuple[int, Tokens]]:
    """Yield each new token and what it sees, by groups and parents alone."""
    slots = (*pack.spine, *pack.tokens)
    for group in pack.groups:
        for node in range(group.start, group.stop):
            own: list[int] = []
            place = node
            while place >= group.start:
                own.insert(0, pack.tokens[place])
                place = pack.parents[place]
            above = [
                token for start, stop in group.above for token in slots[start:stop]
            ]
            yield node, (*above, *own)


def check(packs: Sequence[Pack], given_: Sequence[Scored], cached: Tokens) -> None:
    """Check that packs follow on each other and that each sees what it scores."""
    scored = []
    for pack in packs:
        assert cached[: len(pack.spine)] == pack.spine
        seen = dict(seen_by(pack))
        assert sorted(seen) == list(range(len(pack.tokens)))
        for index, path in zip(pack.members, pack.paths, strict=True):
            inputs, targets = given_[index]
            assert seen[path[-1]] == inputs
            assert [pack.depths[node] for node in path[-len(targets) :]] == list(
                range(len(inputs) - len(targets), len(inputs))
            )
        assert sum(pack.costs) == len(pack.tokens)
        scored += pack.members
        cached, slots = pack.last_path()
        held = (*pack.spine, *pack.tokens)
        assert tuple(held[slot] for slot in slots) == cached
    assert sorted(scored) == list(range(len(given_)))


@given(
    sequences(),
    st.lists(st.integers(0, 2), max_size=30),
    st.integers(1, 60),
    st.integers(1, 20),
)
def test_every_sequence_is_read_whole(
    given_: list[Scored], cached: list[int], budget: int, group: int
) -> None:
    """Whatever is cached and however packs are cut, a token sees its own past."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_local_forest, "_GROUP_TOKENS", group)
        patch.setattr(_local_forest, "_STRETCH_TOKENS", 3)
        packs = list(plan_packs(given_, cached=tuple(cached), budget_tokens=budget))
    check(packs, given_, tuple(cached))


@given(sequences(), st.integers(1, 3), st.integers(30, 40))
def test_packs_keep_their_limits(
    given_: list[Scored], most: int, capacity: int
) -> None:
    """Sequences and slots are bounded; a single long sequence always fits."""
    packs = list(
        plan_packs(
            given_,
            cached=(),
            budget_tokens=1000,
            most_members=most,
            capacity_tokens=capacity,
        )
    )
    check(packs, given_, ())
    for pack in packs:
        assert len(pack.members) <= most
        longest = max(len(given_[index].inputs) for index in pack.members)
        assert len(pack.spine) + len(pack.tokens) <= max(capacity, longest)


def test_nothing_is_read_twice_in_one_pack() -> None:
    """New tokens are those of the radix tree of all sequences."""
    given_ = [
        Scored((*SHOTS, sample, *choice), (0,))
        for sample in range(3)
        for choice in ((7, 8), (7, 9))
    ]
    (pack,) = plan_packs(given_, cached=(), budget_tokens=1000)
    assert len(pack.tokens) == count_tokens(given_) == 40 + 3 * (1 + 1 + 2)
    assert pack.costs == [43, 1, 3, 1, 3, 1]


def test_shared_demonstrations_are_read_once_across_packs() -> None:
    """A pack builds on the path that the one before left."""
    given_ = [Scored((*SHOTS, sample, 5, 6), (0,)) for sample in range(8)]
    packs = list(plan_packs(given_, cached=(), budget_tokens=50))
    assert [len(pack.spine) for pack in packs] == [0, 40]
    assert sum(len(pack.tokens) for pack in packs) == 40 + 8 * 3
    again = next(plan_packs(given_, cached=SHOTS, budget_tokens=1000))
    assert (len(again.spine), len(again.tokens)) == (40, 8 * 3)


def test_samples_see_what_they_share_and_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Demonstrations are a group of their own, small samples share one."""
    monkeypatch.setattr(_local_forest, "_GROUP_TOKENS", 5)
    given_ = [
        Scored((*SHOTS, sample, 5, *ending), (0,))
        for sample in range(3)
        for ending in ((7,), (8, 9))
    ]
    (pack,) = plan_packs(given_, cached=(1, 2), budget_tokens=1000)
    check([pack], given_, (1, 2))
    assert [tuple(group) for group in pack.groups] == [
        (0, 40, ()),
        (40, 45, ((0, 40),)),
        (45, 50, ((0, 40),)),
        (50, 55, ((0, 40),)),
    ]


def test_shared_words_in_the_middle_are_seen_by_those_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What groups see may lie in several stretches of the cache."""
    monkeypatch.setattr(_local_forest, "_GROUP_TOKENS", 2)
    given_ = [
        Scored((9, *word, *rest), (0,))
        for word in ((1, 2), (3, 4))
        for rest in ((5, 6, 5), (7, 8, 7))
    ]
    (pack,) = plan_packs(given_, cached=(9, 1), budget_tokens=1000)
    check([pack], given_, (9, 1))
    assert ((0, 1), (9, 11)) in [group.above for group in pack.groups]


def test_tokens_that_predict_targets_are_read_again() -> None:
    """Logits of cached tokens are gone: what predicts a target is always new."""
    scored = Scored((1, 2, 3, 4), (3, 4, 5))
    (pack,) = plan_packs([scored], cached=(1, 2, 3, 4), budget_tokens=10)
    assert pack.spine == (1,)
    assert pack.tokens == [2, 3, 4]
