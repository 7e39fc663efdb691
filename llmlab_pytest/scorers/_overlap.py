"""Likeness to reference texts: BLEU and ROUGE, as lm-eval 0.4.13's TruthfulQA has them.

BLEU is sacrebleu's (Post 2018) on one pair of texts, by default with the tokenizer
`intl` and exponential smoothing; ROUGE (Lin 2004) is that of the package `rouge-score`,
by default the F-measure without stemming. Both run from 0 to 100. Left out: BLEU of a
whole corpus, which is not the mean of its texts (`corpus_bleu`).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    Sample,
    Score,
    Target,
    load,
)
from llmlab_pytest.scorers._judgement import check_choice
from llmlab_pytest.scorers._protocol import Scorer, sample_from, text_of
from llmlab_pytest.scorers._text import targets_of

Statistic = Literal["max", "diff", "acc"]
Likeness = Callable[[str, str], float]
"""From a reference and a text to 0 … 100."""

_STATISTICS = ("max", "diff", "acc")
_TOKENIZERS = ("intl", "13a", "char", "zh", "none")
_VARIANTS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
_PARTS = ("fmeasure", "precision", "recall")
_EXTRA = "benchmarks"


def bleu(
    *,
    statistic: Statistic = "max",
    tokenize: str = "intl",
    effective_order: bool = False,
) -> Scorer:
    """Score the BLEU of the text with the reference that it is most like.

    References are the accepted targets. Where the sample has choices, they are all
    choices: the target holds the positions of the true ones, the others are false.

    Args:
        statistic: `max`, the likeness to a true reference, 0 to 100; `diff`, the same
            minus the likeness to a false one; `acc`, 1 if that is above 0.
        tokenize: sacrebleu's tokenizer: `intl`, `13a`, which `sentence_bleu` has,
            `char`, `zh` or `none`.
        effective_order: whether n-grams count only up to the length of the text, as
            `sentence_bleu` has it for short ones.

    Raises:
        ConfigError: the statistic or the tokenizer is unknown.
        MissingDependency: sacrebleu is not installed.
    """
    check_choice("tokenize", tokenize, _TOKENIZERS)
    likeness = _bleu_likeness(tokenize, effective_order=effective_order)
    return _overlap_scorer("bleu", likeness, statistic)


def rouge(
    *,
    variant: str = "rouge1",
    statistic: Statistic = "max",
    part: str = "fmeasure",
    stemmer: bool = False,
) -> Scorer:
    """Score the ROUGE of the text with the reference that it is most like.

    Args:
        variant: `rouge1`, `rouge2` (words, pairs of words), `rougeL` (the longest
            common subsequence) or `rougeLsum` (the same, sentence by sentence: each
            stands on a line of its own, or ends in a full stop between spaces).
        statistic: as for `bleu`.
        part: `fmeasure`, or the `precision` or `recall` that it is made of.
        stemmer: whether words of one stem (Porter 1980) are equal.

    Raises:
        ConfigError: an option is none of these.
        MissingDependency: rouge-score is not installed.
    """
    check_choice("variant", variant, _VARIANTS)
    check_choice("part", part, _PARTS)
    measures = _rouge_measures(stemmer=stemmer)

    def likeness(reference: str, text: str) -> float:
        return 100 * float(getattr(measures(reference, text)[variant], part))

    return _overlap_scorer(variant, likeness, statistic)


@lru_cache(maxsize=8)
def _bleu_likeness(tokenize: str, *, effective_order: bool) -> Likeness:
    metric = load("sacrebleu.metrics:BLEU", extra=_EXTRA, needed_by="the scorer bleu")
    measured = metric(
        tokenize=tokenize, smooth_method="exp", effective_order=effective_order
    )

    @lru_cache(maxsize=1024)  # three statistics of one sample ask for the same pairs
    def likeness(reference: str, text: str) -> float:
        return float(measured.corpus_score([text], [[reference]]).score)

    return likeness


@lru_cache(maxsize=2)
def _rouge_measures(*, stemmer: bool) -> Callable[[str, str], dict[str, Any]]:
    measure = load(
        "rouge_score.rouge_scorer:RougeScorer",
        extra=_EXTRA,
        needed_by="the scorer rouge",
    )(list(_VARIANTS), use_stemmer=stemmer)

    @lru_cache(maxsize=1024)  # nine scores of one sample ask for the same pairs
    def measures(reference: str, text: str) -> dict[str, Any]:
        found: dict[str, Any] = measure.score(_lines(reference), _lines(text))
        return found

    return measures


def _lines(text: str) -> str:
    """Put sentences on lines of their own, for rougeLsum, as lm-eval parts them."""
    return text.replace(" . ", ".\n")


def _overlap_scorer(name: str, likeness: Likeness, statistic: Statistic) -> Scorer:
    check_choice("statistic", statistic, _STATISTICS)

    def score(
        completion: Completion | str, target: Target, sample: Sample | None = None
    ) -> Score:
        text = text_of(completion)
        case = sample_from(target, sample)
        true, false = _references(target, case)
        best = max(likeness(reference, text) for reference in true)
        if statistic == "max":
            return Score(scorer=name, value=best, answer=text)
        if not false:
            raise ConfigError(
                f"Sample {case.id!r} has no false reference, and {name} compares.",
                allowed="The choices hold true and false texts, the target the "
                "positions of the true ones.",
                fix='Correct the row, or use statistic = "max".',
            )
        rival = max(likeness(reference, text) for reference in false)
        value = float(best > rival) if statistic == "acc" else best - rival
        return Score(
            scorer=name,
            value=value,
            answer=text,
            explanation=f"{best:.1f} with a true, {rival:.1f} with a false reference",
        )

    return score


def _references(target: Target, sample: Sample) -> tuple[Sequence[str], Sequence[str]]:
    """Return the true and the false reference texts of a sample."""
    if not sample.choices:
        return targets_of(target), ()
    right = set(target) if isinstance(target, tuple) else {target}
    true = [text for n, text in enumerate(sample.choices) if n in right]
    if not true:
        raise ConfigError(
            f"The target {target!r} of sample {sample.id!r} names no choice.",
            allowed="It takes positions in the choices, from 0.",
        )
    return true, [text for n, text in enumerate(sample.choices) if n not in right]
