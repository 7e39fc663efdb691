"""Guess the next tokens of a text from what follows the same tokens earlier in it.

Small models repeat the prompt and themselves. A guess costs little: a step that reads
weights and caches anyway checks it, and what the model would not have written is
dropped, so the text stays the one of greedy decoding (prompt lookup decoding, Saxena
2023; the acceptance rule for greedy text of Leviathan et al. 2023, section 2.3).
"""

from collections.abc import Iterable

_ALIKE_TOKENS = 2
"""How many tokens must be the same before their followers are guessed."""
_MOST_TOKENS = 16


class Lookup:
    """The followers of every pair of tokens in a text that grows."""

    def __init__(self, tokens: Iterable[int]) -> None:
        self._tokens: list[int] = []
        self._followers: dict[tuple[int, ...], int] = {}
        """Where the text goes on after the latest occurrence of a pair."""
        self._worth = 4
        self.extend(tokens)

    def extend(self, tokens: Iterable[int]) -> None:
        """Append what the text goes on with."""
        for token in tokens:
            end = len(self._tokens)
            if end >= _ALIKE_TOKENS:
                self._followers[tuple(self._tokens[end - _ALIKE_TOKENS :])] = end
            self._tokens.append(token)

    def guess(self, limit: int) -> list[int]:
        """Return up to `limit` tokens that may come next, fewer after wrong guesses.

        A text that has begun to repeat itself goes on repeating itself.
        """
        start = self._followers.get(tuple(self._tokens[-_ALIKE_TOKENS:]))
        if start is None:
            return []
        known, found = self._tokens, list[int]()
        for place in range(start, start + min(limit, self._worth)):
            beyond = place - len(known)
            found.append(known[place] if beyond < 0 else found[beyond])
        return found

    def learn(self, *, guessed: int, right: int) -> None:
        """Guess more after guesses that were all right, less after wrong ones."""
        if guessed and right == guessed:
            self._worth = min(2 * self._worth, _MOST_TOKENS)
        elif guessed:
            self._worth = max(1, right)
