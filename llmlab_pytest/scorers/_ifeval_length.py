"""IFEval's instructions about how long a response is and how it is divided."""

import re

from llmlab_pytest.scorers._ifeval_relation import Relation, holds
from llmlab_pytest.scorers._linguistics import count_sentences

_WORD = re.compile(r"\w+")
_DIVIDER = re.compile(r"\s?\*\*\*\s?")
_ENDS_WORD = re.compile("[.,?!'\"]")


def number_sentences(response: str, *, num_sentences: int, relation: Relation) -> bool:
    """Whether there are enough or few enough sentences."""
    return holds(count_sentences(response), relation, num_sentences)


def number_words(response: str, *, num_words: int, relation: Relation) -> bool:
    """Whether there are enough or few enough words: runs of letters and digits."""
    return holds(len(_WORD.findall(response)), relation, num_words)


def number_paragraphs(response: str, *, num_paragraphs: int) -> bool:
    """Whether `***` divides the text into exactly so many paragraphs.

    A divider may open and close the text; two in a row leave a paragraph empty.
    """
    first, *others = _DIVIDER.split(response)
    inner, last = (others[:-1], others[-1:]) if others else ([], [])
    if not all(map(str.strip, inner)):
        return False
    outer = sum(bool(text.strip()) for text in [first, *last])
    return len(inner) + outer == num_paragraphs


def nth_paragraph_first_word(
    response: str, *, num_paragraphs: int, nth_paragraph: int, first_word: str
) -> bool:
    """Whether empty lines part so many paragraphs, and one begins with a word.

    Empty paragraphs are not counted, but hold their place: where one precedes, the
    n-th is looked for among all.
    """
    paragraphs = [text.strip() for text in response.split("\n\n")]
    filled = sum(map(bool, paragraphs))
    if nth_paragraph > filled or not paragraphs[nth_paragraph - 1]:
        return False
    opening = paragraphs[nth_paragraph - 1].split()[0].lstrip("'").lstrip('"')
    # Letter by letter, as the reference: a word's lower() knows the final sigma.
    word = "".join(map(str.lower, _ENDS_WORD.split(opening, maxsplit=1)[0]))
    return filled == num_paragraphs and word == first_word.lower()
