"""Measures of all samples together: each a function of sums over the samples.

What a sample adds is in the order of the arguments' names below. They are no means of
samples, and so have no standard error in closed form; `bootstrap_stderr` finds one.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Sums = Sequence[float]
SumsFunction = Callable[[Sums], float]

_BLEU_ORDER = 4
CHRF_ORDER = 6
_CHRF_BETA = 2
_MOST_NATS = 700.0
"""exp(709.8) is more than a float holds; a perplexity stops short of that."""


class CorpusStatistic(NamedTuple):
    """A measure of a corpus."""

    of_sums: SumsFunction
    draws: int
    """How often its bootstrap draws; lm-eval's defaults, which spare slow measures."""


def f1(sums: Sums) -> float:
    """Return F1 of the positive class from (tp, fp, fn, tn); 0 without positives."""
    tp, fp, fn, _ = sums
    count = 2 * tp + fp + fn
    return 2 * tp / count if count else 0.0


def mcc(sums: Sums) -> float:
    """Return Matthews' correlation from (tp, fp, fn, tn), -1 to 1.

    0 where all targets or all answers are of one class, as in scikit-learn.
    """
    tp, fp, fn, tn = sums
    square = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(square) if square else 0.0


def perplexity(nats: float) -> float:
    """Return exp of nats per unit: of how many equally likely units one is drawn."""
    return math.exp(min(nats, _MOST_NATS))


def target_perplexity(sums: Sums) -> float:
    """Return exp of the mean nats per target, from (log-likelihood, targets)."""
    loglikelihood, targets = sums
    return perplexity(-loglikelihood / targets)


def bleu(sums: Sums) -> float:
    """Return BLEU (Papineni et al. 2002), 0 to 100, smoothed as mteval-v13a.

    Args:
        sums: tokens of the texts, tokens of the references; for n = 1 to 4 the n-grams
            found; for n = 1 to 4 the n-grams there are. An order of which none is
            found counts as half of one, the next such order as a quarter, and so on
            (method 3 of Chen and Cherry 2014); without any found it is 0.
    """
    tokens, reference_tokens = sums[:2]
    found, total = sums[2 : 2 + _BLEU_ORDER], sums[2 + _BLEU_ORDER :]
    if not any(found) or not all(total):
        return 0.0
    logs, share = 0.0, 1.0
    for matches, count in zip(found, total, strict=True):
        share = share if matches else share / 2
        logs += math.log((matches or share) / count)
    brevity = min(0.0, 1 - reference_tokens / tokens)
    return 100 * math.exp(brevity + logs / _BLEU_ORDER)


def chrf(sums: Sums) -> float:
    """Return chrF2 (Popović 2015), 0 to 100.

    Args:
        sums: for n = 1 to 6 the character n-grams of the texts, of the references, and
            those in both. Orders that one side has none of are left out.
    """
    orders = [sums[start : start + 3] for start in range(0, len(sums), 3)]
    used = [(own, other, both) for own, other, both in orders if own and other]
    if not used:
        return 0.0
    precision = sum(both / own for own, _, both in used) / len(used)
    recall = sum(both / other for _, other, both in used) / len(used)
    if not precision + recall:
        return 0.0
    factor = _CHRF_BETA**2
    return 100 * (1 + factor) * precision * recall / (factor * precision + recall)


def ter(sums: Sums) -> float:
    """Return the translation edit rate (Snover et al. 2006) in percent.

    Args:
        sums: edits, words of the references. Edits without any word are 100 %.
    """
    edits, words = sums
    return 100 * edits / words if words else 100.0 * bool(edits)


_MANY, _FEW = 100_000, 100

CORPUS_STATISTICS: Mapping[str, CorpusStatistic] = {
    "f1": CorpusStatistic(f1, _MANY),
    "mcc": CorpusStatistic(mcc, _MANY),
    "perplexity": CorpusStatistic(target_perplexity, _MANY),
    "corpus_bleu": CorpusStatistic(bleu, _FEW),
    "chrf": CorpusStatistic(chrf, _FEW),
    "ter": CorpusStatistic(ter, _FEW),
}
"""By the name that a score's share gives."""
