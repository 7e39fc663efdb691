import pytest

from llmlab_pytest.core import ContextOverflow, DataError
from llmlab_pytest.providers._local_tree import (
    Prefix,
    encode_continuation,
    grow_tree,
    pack,
    scored_sequence,
)

PREFIX = Prefix(1, "<s>")


class Letters:
    """One token per character, `<s>` as 1, and "ab" merged into one token."""

    def __init__(self, *, adds_prefix: bool = False) -> None:
        self._adds_prefix = adds_prefix

    def __call__(self, text: str, *, add_special: bool | None = None) -> list[int]:
        """Return the tokens of `text`."""
        ids = [1] if self._adds_prefix and add_special is not False else []
        while text:
            for piece, token in (("<s>", 1), ("ab", 2)):
                if text.startswith(piece):
                    ids.append(token)
                    text = text[len(piece) :]
                    break
            else:
                ids.append(ord(text[0]) + 100)
                text = text[1:]
        return ids


def ids_of(text: str) -> list[int]:
    return Letters()(text)


def encode(
    context: str, text: str, *, adds_prefix: bool = False
) -> tuple[list[int], list[int]]:
    return encode_continuation(context, text, Letters(adds_prefix=adds_prefix), PREFIX)


def test_trailing_whitespace_moves_to_the_continuation() -> None:
    """All trailing whitespace of the context, newlines too, is scored."""
    assert encode("Q: \n", "x") == (ids_of("Q:"), ids_of(" \nx"))


def test_pair_is_encoded_whole_and_split_by_length() -> None:
    """A merge across the seam changes tokens: the split is by the context's length."""
    assert encode("ca", "bd") == (ids_of("ca"), ids_of("d"))


def test_empty_context_becomes_the_prefix_token() -> None:
    """Without context the prefix token comes first, and no other special token."""
    assert encode("", "xy", adds_prefix=True) == ([1], ids_of("xy"))


def test_prefix_is_not_doubled_in_an_empty_context() -> None:
    """A continuation that begins with the prefix token gives it to the context."""
    assert encode("", "<s>x") == ([1], ids_of("x"))


def test_prefix_is_not_added_to_text_that_has_it() -> None:
    """A rendered chat template already starts with its first token."""
    assert encode("<s>a", "x", adds_prefix=True) == ([1, *ids_of("a")], ids_of("x"))
    assert encode("a", "x", adds_prefix=True) == ([1, *ids_of("a")], ids_of("x"))


@pytest.mark.parametrize("pair", [("ctx", ""), ("", ""), ("ca", "b")], ids=repr)
def test_continuation_without_a_token_is_an_error(pair: tuple[str, str]) -> None:
    """Nothing to score is reported, with the texts, instead of scoring 0."""
    with pytest.raises(DataError, match="has no token of its own"):
        encode(*pair)


def test_long_pairs_lose_tokens_from_the_left() -> None:
    """The model sees at most its context, ending before the last token."""
    assert scored_sequence([1, 2, 3], [4, 5], context_tokens=3) == ((2, 3, 4), (4, 5))


def test_continuation_longer_than_the_context_overflows() -> None:
    """A continuation that cannot be scored whole is an error."""
    with pytest.raises(ContextOverflow, match="4 tokens"):
        scored_sequence([1], [2, 3, 4, 5], context_tokens=3)


def test_tree_stores_common_beginnings_once() -> None:
    """Equal beginnings share nodes; every path spells its sequence."""
    sequences = [(1, 2, 3), (1, 2, 4, 5), (1, 2), (9,)]
    tree = grow_tree(sequences)
    assert tree.tokens == [1, 2, 3, 4, 5, 9]
    assert tree.depths == [0, 1, 2, 2, 3, 0]
    assert [tuple(tree.tokens[node] for node in path) for path in tree.paths] == (
        sequences
    )
    assert tree.runs == [(0, 3, -1), (3, 5, 1), (5, 6, -1)]
    assert not tree.is_chain


def test_tree_of_growing_sequences_is_a_chain() -> None:
    """Sequences that only extend each other need no mask."""
    tree = grow_tree([(1, 2), (1, 2, 3), (1,)])
    assert tree.is_chain
    assert tree.runs == [(0, 3, -1)]


def test_pack_halves_groups_until_they_fit() -> None:
    """Groups keep their order and stay within the budget."""
    sequences = [(7, index, index, index) for index in range(5)]
    groups = pack(sequences, budget_tokens=8)
    assert groups == [[0, 1], [2], [3, 4]]
    assert pack(sequences, budget_tokens=99, most=2) == [[0, 1], [2], [3, 4]]
    assert pack([(1,) * 50], budget_tokens=8) == [[0]]
