import pytest

from llmlab_pytest.core import (
    ContextOverflow,
    ContinuationLogprob,
    DataError,
)
from llmlab_pytest.providers._local_continuation import (
    Prefix,
    Scored,
    count_tokens,
    encode_continuation,
    joined,
    rolling_windows,
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


# From lm-eval 0.4.13: make_disjoint_window(get_rolling_token_windows(…, context_len=1))
# on the tokens 11, 12, …; tests/golden/compare_rolling.py repeats that for 245 lengths.
WINDOWS = {
    (1, 3): [([1], [11])],
    (3, 3): [([1, 11, 12], [11, 12, 13])],
    (4, 3): [([1, 11, 12], [11, 12, 13]), ([11, 12, 13], [14])],
    (6, 3): [([1, 11, 12], [11, 12, 13]), ([13, 14, 15], [14, 15, 16])],
    (7, 3): [
        ([1, 11, 12], [11, 12, 13]),
        ([13, 14, 15], [14, 15, 16]),
        ([14, 15, 16], [17]),
    ],
    (2, 1): [([1], [11]), ([11], [12])],
}


@pytest.mark.parametrize(("length", "context_tokens"), WINDOWS)
def test_windows_of_a_text_are_those_of_lm_eval(
    length: int, context_tokens: int
) -> None:
    """Each token is scored once; the last window is filled up from the left."""

    def numbered(text: str, *, add_special: bool | None = None) -> list[int]:
        return list(range(11, 11 + len(text)))

    windows = rolling_windows(
        "x" * length, numbered, PREFIX, context_tokens=context_tokens
    )
    found = [(list(window.inputs), list(window.targets)) for window in windows]
    assert found == WINDOWS[length, context_tokens]


def test_text_keeps_its_special_tokens() -> None:
    """The prefix comes before what the tokeniser makes of the text, and not twice."""
    adds = Letters(adds_prefix=True)
    for text, scored in (("xy", [1, *ids_of("xy")]), ("<s>x", [1, *ids_of("x")])):
        (window,) = rolling_windows(text, adds, PREFIX, context_tokens=9)
        assert list(window.targets) == scored
        assert list(window.inputs) == [1, *scored[:-1]]


def test_text_without_a_token_is_an_error() -> None:
    """Nothing to score is no perplexity of 1."""
    with pytest.raises(DataError, match="no token to score"):
        rolling_windows("", Letters(), PREFIX, context_tokens=9)


def test_windows_join_to_the_likelihood_of_the_text() -> None:
    """Likelihoods and tokens add up; the text is greedy if all of it is."""
    parts = [
        ContinuationLogprob(-1.5, is_greedy=True, tokens=3),
        ContinuationLogprob(-0.25, is_greedy=False, tokens=1),
    ]
    assert joined(parts) == ContinuationLogprob(-1.75, is_greedy=False, tokens=4)
    assert joined(parts[:1]).is_greedy


def test_long_pairs_lose_tokens_from_the_left() -> None:
    """The model sees at most its context, ending before the last token."""
    assert scored_sequence([1, 2, 3], [4, 5], context_tokens=3) == ((2, 3, 4), (4, 5))


def test_continuation_longer_than_the_context_overflows() -> None:
    """A continuation that cannot be scored whole is an error."""
    with pytest.raises(ContextOverflow, match="4 tokens"):
        scored_sequence([1], [2, 3, 4, 5], context_tokens=3)


def test_tokens_of_equal_beginnings_count_once() -> None:
    """A sample costs what its tree holds, however its choices are ordered."""
    inputs = [(1, 2, 3), (9,), (1, 2, 4, 5), (1, 2)]
    assert count_tokens([Scored(tokens, (0,)) for tokens in inputs]) == 6
    assert count_tokens([]) == 0
