"""IFEval's instructions about words, letters and the language they are in."""

import re
from collections.abc import Sequence

from llmlab_pytest.scorers._ifeval_relation import Relation, holds
from llmlab_pytest.scorers._linguistics import language_of, words_and_signs


def existence(response: str, *, keywords: Sequence[str]) -> bool:
    """Whether every keyword occurs, in any case, also inside other words."""
    return all(_finder(keyword).search(response) for keyword in keywords)


def frequency(
    response: str, *, keyword: str, frequency: int, relation: Relation
) -> bool:
    """Whether a keyword occurs often or rarely enough."""
    found = len(_finder(keyword.strip()).findall(response))
    return holds(found, relation, frequency)


def forbidden_words(response: str, *, forbidden_words: Sequence[str]) -> bool:
    """Whether none of the words occurs as a word of its own."""
    return not any(
        re.search(rf"\b{re.escape(word)}\b", response, re.IGNORECASE)
        for word in forbidden_words
    )


def letter_frequency(
    response: str, *, letter: str, let_frequency: int, let_relation: Relation
) -> bool:
    """Whether a letter, or another character, occurs often or rarely enough."""
    return holds(response.lower().count(letter.lower()), let_relation, let_frequency)


def response_language(response: str, *, language: str) -> bool:
    """Whether the text is in a language; one that cannot be judged counts as if."""
    return language_of(response) in (language, None)


def english_capital(response: str) -> bool:
    """Whether the text is English, in capital letters."""
    return response.isupper() and response_language(response, language="en")


def english_lowercase(response: str) -> bool:
    """Whether the text is English, in small letters."""
    return response.islower() and response_language(response, language="en")


def capital_word_frequency(
    response: str, *, capital_frequency: int, capital_relation: Relation
) -> bool:
    """Whether there are enough or few enough words in capital letters."""
    capitals = sum(word.isupper() for word in words_and_signs(response))
    return holds(capitals, capital_relation, capital_frequency)


def _finder(keyword: str) -> re.Pattern[str]:
    # The reference's sense of case: casefold() also makes "ss" of a sharp s.
    return re.compile(re.escape(keyword), re.IGNORECASE)
