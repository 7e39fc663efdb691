"""Likeness to reference texts by words: METEOR and Google's BLEU, as nltk has them.

METEOR (Banerjee and Lavie 2005) matches words that are equal, then those of one stem
(Porter 1980), then synonyms. GLEU (Wu et al. 2016) is the lower of precision and recall
of n-grams. Both run from 0 to 1. Left out: METEOR's paraphrases (version 1.5).
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    MissingDependency,
    Sample,
    Score,
    Target,
    load,
)
from llmlab_pytest.scorers._linguistics import words_and_signs
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of

_EXTRA = "scorers"
_MOST = 4
"""How many words the longest n-gram has that GLEU counts."""


def meteor(
    *,
    synonyms: bool = True,
    alpha: float = 0.9,
    beta: float = 3.0,
    gamma: float = 0.5,
) -> Scorer:
    """Score the METEOR of the text with the reference that it is most like, 0 to 1.

    The words are those of nltk's `word_tokenize`.

    Args:
        synonyms: whether synonyms match, by WordNet: without them scores are a little
            lower, and not those that papers report.
        alpha: how much recall counts against precision.
        beta: how fast the penalty grows with the number of chunks.
        gamma: the largest penalty.

    Raises:
        MissingDependency: nltk is not installed, or has no WordNet.
    """
    measure = load(
        "nltk.translate.meteor_score:meteor_score",
        extra=_EXTRA,
        needed_by="the scorer meteor",
    )
    wordnet = _wordnet() if synonyms else _NoSynonyms()

    def likeness(text: str, references: Sequence[str]) -> float:
        return float(
            measure(
                [words_and_signs(reference) for reference in references],
                words_and_signs(text),
                wordnet=wordnet,
                alpha=alpha,
                beta=beta,
                gamma=gamma,
            )
        )

    return _reference_scorer("meteor", likeness)


def gleu(*, most: int = _MOST) -> Scorer:
    """Score Google's BLEU of the text with its references, 0 to 1.

    The words are what white space parts.

    Args:
        most: how many words the longest n-gram has, at least 1.

    Raises:
        ConfigError: `most` is below 1.
        MissingDependency: nltk is not installed.
    """
    if most < 1:
        raise ConfigError(f"most is {most!r}.", allowed="At least 1.")
    measure = load(
        "nltk.translate.gleu_score:sentence_gleu",
        extra=_EXTRA,
        needed_by="the scorer gleu",
    )

    def likeness(text: str, references: Sequence[str]) -> float:
        words = [reference.split() for reference in references]
        return float(measure(words, text.split(), max_len=most))

    return _reference_scorer("gleu", likeness)


class _NoSynonyms:
    """Stands where nltk looks synonyms up, and knows none."""

    def synsets(self, word: str) -> list[Any]:
        """Return no set of synonyms."""
        del word
        return []


@cache
def _wordnet() -> Any:
    """Return nltk's WordNet, read.

    Raises:
        MissingDependency: nltk has not downloaded it; no package has it.
    """
    wordnet = load("nltk.corpus:wordnet", extra=_EXTRA, needed_by="the scorer meteor")
    try:
        wordnet.ensure_loaded()
    except LookupError as error:
        raise MissingDependency(
            "METEOR needs nltk's WordNet for synonyms, which is not on this machine.",
            allowed="With synonyms = false it matches words and stems alone.",
            fix="Run: python -m nltk.downloader wordnet",
        ) from error
    return wordnet


def _reference_scorer(
    name: str, likeness: Callable[[str, Sequence[str]], float]
) -> Scorer:
    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del sample
        text = text_of(completion)
        return Score(scorer=name, value=likeness(text, targets_of(target)), answer=text)

    return score
