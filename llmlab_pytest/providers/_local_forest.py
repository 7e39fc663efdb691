"""Which tokens a model must read to score many sequences, and which it has read.

Sequences are sorted, so that those with equal beginnings are neighbours, and cut into
packs of some hundred new tokens. A pack is a forest: the *spine* is one path of tokens
whose keys and values are cached, and trees of new tokens hang on it. After a pack the
path of its last sequence is the next spine. So the demonstrations of a subject, the
context of a sample and the words that two choices begin with are read once; sorted
order makes that a walk through the radix tree of all sequences, depth first.

Sharing is decided on tokens of whole encodings, never on text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from llmlab_pytest.providers._local_continuation import Scored, common_length

Tokens = tuple[int, ...]
Slots = tuple[int, int]
"""A stretch of the cache, `start..stop-1`."""

# Attention over tokens that do not see each other is wasted, and so is a call for each
# handful of tokens: smaller trees share a call.
_GROUP_TOKENS = 96
# Of a long stretch half the attention is wasted on what comes later, so it is cut too.
_STRETCH_TOKENS = 256


class Group(NamedTuple):
    """Neighbouring new tokens that see the same slots, and their own ancestors."""

    start: int
    stop: int
    above: tuple[Slots, ...]
    """What all of them see, ascending; the rest is among themselves."""


@dataclass(slots=True)
class Pack:
    """Sequences that are computed at once. New tokens: parents before children."""

    spine: Tokens
    """The cached tokens that stay; new token `n` goes into slot `len(spine) + n`."""
    tokens: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    """Position of each new token in its sequence, from 0."""
    parents: list[int] = field(default_factory=list)
    """The new token before each one; -1 where that is on the spine."""
    groups: list[Group] = field(default_factory=list)
    members: list[int] = field(default_factory=list)
    """The sequences that are scored, as indices into what was given."""
    paths: list[list[int]] = field(default_factory=list)
    """For each member, the new tokens on its path."""
    costs: list[int] = field(default_factory=list)
    """For each member, how many new tokens are there for its sake."""

    def readings(self, sequences: Sequence[Scored]) -> list[list[tuple[int, int]]]:
        """Return what is read off for each member: new tokens, and what they predict.

        Args:
            sequences: those that the pack was planned from.
        """
        targets = [sequences[index].targets for index in self.members]
        return [
            list(zip(path[-len(own) :], own, strict=True))
            for path, own in zip(self.paths, targets, strict=True)
        ]

    def path_of(self, place: int) -> tuple[Tokens, list[int]]:
        """Return the tokens of the member at `place` and the slots that hold them."""
        path = self.paths[place]
        trunk = self.depths[path[0]]
        slots = [*range(trunk), *(len(self.spine) + node for node in path)]
        return (*self.spine[:trunk], *(self.tokens[node] for node in path)), slots

    def last_path(self) -> tuple[Tokens, list[int]]:
        """Return tokens and slots of the last member: what stays cached."""
        return self.path_of(-1)


def plan_packs(
    sequences: Sequence[Scored],
    *,
    cached: Tokens,
    budget_tokens: int,
    most_members: int | None = None,
    capacity_tokens: int | None = None,
) -> Iterator[Pack]:
    """Cut sequences into packs, in the order in which they share most.

    Args:
        sequences: to score.
        cached: the path in the cache. Each pack must be run and its last path kept
            before the next one is taken.
        budget_tokens: a pack takes sequences until it has this many new tokens.
        most_members: how many sequences a pack may have.
        capacity_tokens: how many tokens the cache holds, at least one sequence.
    """
    order = sorted(range(len(sequences)), key=lambda index: sequences[index].inputs)
    while order:
        tree = _Tree(cached)
        for index in order[:most_members]:
            if capacity_tokens and not tree.has_room(sequences[index], capacity_tokens):
                break
            tree.add(index, sequences[index])
            if len(tree.pack.tokens) >= budget_tokens:
                break
        pack = tree.finished()
        yield pack
        cached, _ = pack.last_path()
        order = order[len(pack.members) :]


class _Tree:
    """A pack while it grows, sequence by sequence, in sorted order."""

    def __init__(self, cached: Tokens) -> None:
        self.pack = Pack(spine=cached)
        self._children: dict[tuple[int, int], int] = {}
        self._roots: list[int] = []
        """For each new token, the first new token above it."""
        self._longest_trunk = 0

    def has_room(self, sequence: Scored, capacity_tokens: int) -> bool:
        """Whether the cache also holds a sequence that shares nothing."""
        used = self._longest_trunk + len(self.pack.tokens)
        return not used or used + len(sequence.inputs) <= capacity_tokens

    def add(self, index: int, sequence: Scored) -> None:
        pack, inputs = self.pack, sequence.inputs
        # Logits exist for new tokens only: those that predict targets must be new.
        most = len(inputs) - len(sequence.targets)
        trunk = min(common_length(pack.spine, inputs), most)
        before = len(pack.tokens)
        pack.paths.append(self._grow(inputs, trunk))
        pack.members.append(index)
        pack.costs.append(len(pack.tokens) - before)
        self._longest_trunk = max(self._longest_trunk, trunk)

    def _grow(self, inputs: Tokens, trunk: int) -> list[int]:
        pack = self.pack
        parent = -1 - trunk
        path = []
        for depth in range(trunk, len(inputs)):
            key = (parent, inputs[depth])
            node = self._children.get(key)
            if node is None:
                node = self._children[key] = len(pack.tokens)
                pack.tokens.append(inputs[depth])
                pack.depths.append(depth)
                pack.parents.append(max(parent, -1))
                self._roots.append(self._roots[parent] if parent >= 0 else node)
            path.append(node)
            parent = node
        return path

    def finished(self) -> Pack:
        """Drop what nobody builds on, and say which tokens see each other."""
        pack = self.pack
        pack.spine = pack.spine[: self._longest_trunk]
        if self._roots != sorted(self._roots):
            self._gather()
        tops = sorted(set(self._roots))
        for start, stop in zip(tops, [*tops[1:], len(pack.tokens)], strict=True):
            trunk = pack.depths[start]
            pack.groups += _split(pack, start, stop, ((0, trunk),) if trunk else ())
        return pack

    def _gather(self) -> None:
        """Put the tokens of each tree side by side.

        They already are unless a sequence with many targets, which may build on little
        of the spine, came between two that build on more of it.
        """
        pack = self.pack
        order = sorted(range(len(self._roots)), key=self._roots.__getitem__)
        place = {node: new for new, node in enumerate(order)} | {-1: -1}
        pack.tokens = [pack.tokens[node] for node in order]
        pack.depths = [pack.depths[node] for node in order]
        pack.parents = [place[pack.parents[node]] for node in order]
        pack.paths = [[place[node] for node in path] for path in pack.paths]
        self._roots = [place[self._roots[node]] for node in order]


def _split(pack: Pack, start: int, stop: int, above: tuple[Slots, ...]) -> list[Group]:
    """Cut a tree into groups: long common beginnings apart, small trees together."""
    sizes = _tree_tokens(pack.parents, start, stop)
    groups: list[Group] = []
    waiting = [(start, stop, above)]
    while waiting:
        first, end, seen = waiting.pop()
        node = first
        while node < end:
            after = node + sizes[node - start]
            if after - node > _GROUP_TOKENS:
                groups += _group(first, node, seen)
                branch = _end_of_chain(sizes, node - start) + start
                stretch, below = _stretch(pack, node, branch, seen)
                groups += stretch
                waiting.append((branch, after, below))
                first = after
            elif after - first > _GROUP_TOKENS:
                groups += _group(first, node, seen)
                first = node
            node = after
        groups += _group(first, end, seen)
    return sorted(groups)


def _stretch(
    pack: Pack, start: int, stop: int, above: tuple[Slots, ...]
) -> tuple[list[Group], tuple[Slots, ...]]:
    """Cut a stretch into groups; return them and what the tokens below it see."""
    groups: list[Group] = []
    for cut in range(start, stop, _STRETCH_TOKENS):
        end = min(cut + _STRETCH_TOKENS, stop)
        groups += _group(cut, end, above)
        above = _longer(pack, above, cut, end)
    return groups, above


def _group(start: int, stop: int, above: tuple[Slots, ...]) -> list[Group]:
    return [Group(start, stop, above)] if stop > start else []


def _longer(
    pack: Pack, above: tuple[Slots, ...], start: int, stop: int
) -> tuple[Slots, ...]:
    """Add the slots of new tokens to those that are seen."""
    spine = len(pack.spine)
    added = (spine + start, spine + stop)
    if above and above[-1][1] == added[0]:
        return (*above[:-1], (above[-1][0], added[1]))
    return (*above, added)


def _tree_tokens(parents: Sequence[int], start: int, stop: int) -> list[int]:
    """Return how many tokens the tree below each token has, itself included."""
    counts = [1] * (stop - start)
    for node in range(stop - 1, start, -1):
        if parents[node] >= start:
            counts[parents[node] - start] += counts[node - start]
    return counts


def _end_of_chain(counts: Sequence[int], node: int) -> int:
    """Return the token behind the last one that is an only child, from `node` down."""
    while node + 1 < len(counts) and counts[node + 1] == counts[node] - 1 > 0:
        node += 1
    return node + 1
