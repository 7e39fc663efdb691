"""Scorers of the language a text is written in, and of how hard it is to read.

The readability formulas count letters, syllables, words and sentences. Syllables are
those of English spelling, by rules: of the running words of BoolQ, GSM8K and IFEval
they get 97 of 100 as the CMU Pronouncing Dictionary has them, and the sum to within
1 %. Left out: formulas that need lists of easy words (Dale and Chall).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from llmlab_pytest.core import Completion, Sample, Score, Target
from llmlab_pytest.scorers._judgement import (
    Finding,
    check_choice,
    check_texts,
    target_scorer,
)
from llmlab_pytest.scorers._linguistics import count_sentences, language_of
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of

_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
_LONG_LETTERS = 6
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT = re.compile(
    r"[^aeiouyl]e$|[aeiouyr]le$|[^aeiouytd]ed$|[^aeiouyszxcghl]es$|[aeiouy]les$"
)
"""Ends whose e is not spoken: make, whale, walked, names, rules; but little, needed."""
_APART = re.compile(
    r"ia|io(?!u|n)|eo(?![up])|iu|[aeiouy]ing$|ism$|(?<=[^qg])ua(?!rd|rt|y)"
)
"""Vowels that are spoken one by one: media, radio, video, going; and prism."""
_TOGETHER = re.compile(r"[tsc]ia")
"""Those of them that are not: special, partial."""


class _Counts(NamedTuple):
    """What a text is made of; a sign is a letter or a digit."""

    signs: int
    syllables: int
    words: int
    long_words: int
    sentences: int


def language(*, codes: Sequence[str] | None = None) -> Scorer:
    """Score 1 if the text is written in a language, by langdetect (Shuyo 2010).

    Words alone are often mistaken; from two or three sentences on it is reliable.

    Args:
        codes: ISO 639-1 codes, one of which is enough, as "en"; `zh` is `zh-cn` and
            `zh-tw`. By default the target.

    Raises:
        MissingDependency: langdetect is not installed.
    """
    check_texts("codes", codes)

    def look(text: str, target: Target) -> Finding:
        wanted = targets_of(target) if codes is None else tuple(codes)
        found = language_of(text)
        if found is None:
            return Finding("there is nothing to tell a language by")
        if any(found == code or found.startswith(f"{code}-") for code in wanted):
            return Finding(None, found)
        return Finding(
            f"the language is {found}, expected {' or '.join(wanted)}", found
        )

    return target_scorer("language", look)


def readability(*, formula: str = "automated") -> Scorer:
    """Score how hard the text is to read, on the scale of a formula.

    Higher is harder, but for `flesch`. Put it into `threshold` for a yes or no. A text
    without words has no score.

    Args:
        formula: `automated`, the Automated Readability Index (Senter and Smith 1967),
            `coleman_liau` (Coleman and Liau 1975) and `flesch_kincaid` (Kincaid et al.
            1975) are years of school in the USA; `flesch` (1948) is the ease, above 90
            for children and below 30 for scholars; `lix` (Björnsson 1968) is below 30
            for children's books and above 50 for official texts.

    Raises:
        ConfigError: the formula is unknown.
        MissingDependency: nltk, which counts sentences, is not installed.
    """
    check_choice("formula", formula, tuple(_FORMULAS))
    value_of = _FORMULAS[formula]

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del target, sample
        counts = _counts(text_of(completion))
        if not counts.words:
            return Score(
                scorer="readability", value=None, explanation="there are no words"
            )
        told = f"{counts.words} words in {counts.sentences} sentences"
        return Score(scorer="readability", value=value_of(counts), explanation=told)

    return score


def _automated(counts: _Counts) -> float:
    return (
        4.71 * counts.signs / counts.words
        + 0.5 * counts.words / counts.sentences
        - 21.43
    )


def _coleman_liau(counts: _Counts) -> float:
    return (
        5.88 * counts.signs / counts.words
        - 29.6 * counts.sentences / counts.words
        - 15.8
    )


def _flesch(counts: _Counts) -> float:
    return (
        206.835
        - 1.015 * counts.words / counts.sentences
        - 84.6 * counts.syllables / counts.words
    )


def _flesch_kincaid(counts: _Counts) -> float:
    return (
        0.39 * counts.words / counts.sentences
        + 11.8 * counts.syllables / counts.words
        - 15.59
    )


def _lix(counts: _Counts) -> float:
    share = counts.long_words / counts.words
    return counts.words / counts.sentences + 100 * share


_FORMULAS: Mapping[str, Callable[[_Counts], float]] = {
    "automated": _automated,
    "coleman_liau": _coleman_liau,
    "flesch": _flesch,
    "flesch_kincaid": _flesch_kincaid,
    "lix": _lix,
}


def _counts(text: str) -> _Counts:
    words = _WORD.findall(text)
    lengths = [sum(map(str.isalnum, word)) for word in words]
    long_words = sum(count > _LONG_LETTERS for count in lengths)
    sentences = max(1, count_sentences(text))
    syllables = sum(map(_syllables, words))
    return _Counts(sum(lengths), syllables, len(words), long_words, sentences)


def _syllables(word: str) -> int:
    """Count the syllables of an English word by its spelling, at least one."""
    plain = word.lower()
    count = len(_VOWELS.findall(plain)) - len(_SILENT.findall(plain))
    return max(1, count + len(_APART.findall(plain)) - len(_TOGETHER.findall(plain)))
