"""BLEU, GLEU and ROUGE-N as promptfoo computes them, so that thresholds stay right.

They are measures of their own. BLEU (Papineni et al. 2002) is over lower-case words
between white space, an order without a match counts 1e-7, and orders that the text is
too short for are left out; sacrebleu, our `bleu`, splits punctuation off and smooths.
GLEU (Wu et al. 2016) is the lower of precision and recall of all n-grams up to 4.
ROUGE-N (Lin 2004) is the F1 of common words, by the Penn Treebank's tokens.
"""

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from llmlab_pytest.core import Completion, Score, Target, load
from llmlab_pytest.scorers import Scorer, text_of

_ORDERS = (1, 2, 3, 4)
_UNMATCHED = 1e-7


def promptfoo_bleu() -> Scorer:
    """Score BLEU as promptfoo does, 0 to 1, of several targets together."""

    def score(completion: Completion | str, target: Target) -> Score:
        words = _words(text_of(completion))
        references = [_words(text) for text in _texts(target)]
        return Score(scorer="promptfoo_bleu", value=_bleu(words, references))

    return score


def promptfoo_gleu() -> Scorer:
    """Score GLEU as promptfoo does, 0 to 1, of several targets the nearest."""

    def score(completion: Completion | str, target: Target) -> Score:
        words = _bare_words(text_of(completion))
        values = [_gleu(words, _bare_words(text)) for text in _texts(target)]
        return Score(scorer="promptfoo_gleu", value=max(values))

    return score


def promptfoo_rouge() -> Scorer:
    """Score ROUGE-1 as promptfoo's `rouge-n` does, 0 to 1.

    Raises:
        MissingDependency: nltk is not installed.
    """
    tokenize = _treebank()

    def score(completion: Completion | str, target: Target) -> Score:
        found = Counter(tokenize(text_of(completion).lower()))
        wanted = Counter(tokenize(_texts(target)[0].lower()))
        common = (found & wanted).total()
        both = found.total() + wanted.total()
        value = 2 * common / both if common else 0.0
        return Score(scorer="promptfoo_rouge", value=value)

    return score


def _texts(target: Target) -> Sequence[str]:
    values = target if isinstance(target, tuple) else (target,)
    return tuple(map(str, values))


def _words(text: str) -> list[str]:
    return text.lower().split()


def _bare_words(text: str) -> list[str]:
    return [word.rstrip(".") for word in _words(text)]


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(order)), strict=False))


def _bleu(words: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    if not words:
        return 0.0
    logs = []
    for order in _ORDERS:
        grams = _grams(words, order)
        if not grams:
            continue
        matched = max((grams & _grams(one, order)).total() for one in references)
        logs.append(math.log(matched / grams.total() if matched else _UNMATCHED))
    lengths = [len(one) for one in references]
    closest = min(lengths, key=lambda length: (abs(length - len(words)), length))
    penalty = 1.0 if len(words) > closest else math.exp(1 - closest / len(words))
    return penalty * math.exp(math.fsum(logs) / len(logs))


def _gleu(words: Sequence[str], reference: Sequence[str]) -> float:
    if words == reference:
        return 1.0
    common = found = wanted = 0
    for order in _ORDERS:
        grams, others = _grams(words, order), _grams(reference, order)
        common += (grams & others).total()
        found += grams.total()
        wanted += others.total()
    return min(common / found, common / wanted) if found and wanted else 0.0


@cache
def _treebank() -> Any:
    made = load(
        "nltk.tokenize.treebank:TreebankWordTokenizer",
        extra="scorers",
        needed_by="rouge-n",
    )
    return made().tokenize
