"""Exact match and F1 of short answers, as the SQuAD script defines them.

Rajpurkar et al. 2016, script v1.1; without an answer as v2.0 has it (Rajpurkar et al.
2018): where one side is empty after normalising, both must be. Both sides are lowered,
lose ASCII punctuation, then the words a, an and the, and are parted at white space.
"""

import re
import string
from collections import Counter
from collections.abc import Callable

from llmlab_pytest.scorers._nearest import nearest_scorer
from llmlab_pytest.scorers._protocol import Scorer

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def squad_exact() -> Scorer:
    """Score 1 if the words of the text are those of a target, in the same order."""
    return _best_scorer("squad_exact", lambda text, target: float(text == target))


def squad_f1() -> Scorer:
    """Score the F1 of the words that text and target share, with the best target.

    Precision is their share of the text's words, recall of the target's.
    """
    return _best_scorer("squad_f1", _f1)


def _f1(text: list[str], target: list[str]) -> float:
    if not text or not target:
        return float(text == target)
    shared = (Counter(text) & Counter(target)).total()
    return 2 * shared / (len(text) + len(target))


def _best_scorer(name: str, measure: Callable[[list[str], list[str]], float]) -> Scorer:
    def of_texts(text: str, target: str) -> float:
        return measure(text.split(), target.split())

    return nearest_scorer(name, of_texts, lambda text: " ".join(_words(text)))


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()
