"""Guesses of a text's next tokens: what followed the same tokens before."""

from llmlab_pytest.providers._local_lookup import Lookup


def test_guess_is_what_followed_the_last_two_tokens() -> None:
    """The latest occurrence counts, and the guess has at most the tokens asked for."""
    lookup = Lookup([5, 6, 1, 5, 6, 2, 3, 4, 9, 5, 6])
    assert lookup.guess(3) == [2, 3, 4]
    assert lookup.guess(1) == [2]


def test_new_text_is_found_too() -> None:
    """Tokens that are written later can be repeated, and change what is guessed."""
    lookup = Lookup([5, 6, 7, 8, 9])
    assert lookup.guess(4) == []
    lookup.extend([5, 6])
    assert lookup.guess(2) == [7, 8]
    lookup.extend([3, 5, 6])
    assert lookup.guess(2) == [3, 5]


def test_repetition_goes_on_beyond_its_own_end() -> None:
    """A loop of three tokens is guessed further than it has been written."""
    lookup = Lookup([1, 2, 3, 1, 2])
    lookup.learn(guessed=4, right=4)
    assert lookup.guess(8) == [3, 1, 2, 3, 1, 2, 3, 1]


def test_nothing_is_guessed_without_two_tokens_or_room() -> None:
    """Texts that are too short, and rows without room, get no guess."""
    assert Lookup([]).guess(4) == []
    assert Lookup([1]).guess(4) == []
    assert Lookup([1, 1]).guess(4) == []
    assert Lookup([1, 1, 1, 1]).guess(0) == []
    assert Lookup([1, 1, 1, 1]).guess(-3) == []


def test_wrong_guesses_make_shorter_ones() -> None:
    """A guess is as long as the last was right, and twice as long when all was."""
    lookup = Lookup([7] * 40)
    assert len(lookup.guess(99)) == 4
    lookup.learn(guessed=4, right=0)
    assert len(lookup.guess(99)) == 1
    lookup.learn(guessed=0, right=0)
    assert len(lookup.guess(99)) == 1
    for _ in range(9):
        lookup.learn(guessed=1, right=1)
    assert len(lookup.guess(99)) == 16
    lookup.learn(guessed=16, right=5)
    assert len(lookup.guess(99)) == 5
