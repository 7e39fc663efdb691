"""Scorers whose metric is of all samples together, as lm-eval 0.4.13 aggregates them.

Each score has a value of its own sample, and the share that the sample has in the
metric: F1 and Matthews' correlation of yes-or-no choices, the perplexity of one target
(LAMBADA), and BLEU, chrF and TER of a corpus with the settings that sacrebleu (Post
2018) has by default. Left out: chrF++ and the median.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    Sample,
    Score,
    Share,
    Target,
    load,
)
from llmlab_pytest.scorers._loglikelihood import acc
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of
from llmlab_pytest.stats import CHRF_ORDER, CORPUS_STATISTICS

_CLASSES = (0, 1)
Addends = tuple[float, ...]

_EXTRA = "benchmarks"


def f1() -> Scorer:
    """Score 1 if the likelier of two choices is the target's; the metric is F1.

    The second choice is the positive class, as lm-eval's tasks have it.
    """
    return _confusion_scorer("f1")


def mcc() -> Scorer:
    """Score 1 if the likelier of two choices is the target's; the metric is MCC.

    Matthews' correlation coefficient of the targets and the answers.
    """
    return _confusion_scorer("mcc")


def perplexity() -> Scorer:
    """Score the nats of the target's choice; the metric is exp of their mean."""

    def score(completion: Completion, target: Target, sample: Sample) -> Score:
        parts = completion.continuations
        if not isinstance(target, int) or not 0 <= target < len(parts):
            raise ConfigError(
                f"The target {target!r} of sample {sample.id!r} is none of "
                f"{len(parts)} scored choices.",
                allowed="perplexity takes the position of one choice, from 0.",
                fix='Use it with kind = "loglikelihood", also with a single choice.',
            )
        found = parts[target].loglikelihood
        share = Share("perplexity", (found, 1.0))
        return Score(scorer="perplexity", value=-found, share=share)

    return score


def corpus_bleu() -> Scorer:
    """Score the BLEU of the text, 0 to 100; the metric is that of all texts."""
    score_of = _sacrebleu("BLEU", "corpus_bleu")

    def addends(text: str, references: Sequence[str]) -> Addends:
        found = score_of(text, references)
        return (found.sys_len, found.ref_len, *found.counts, *found.totals)

    return _text_scorer("corpus_bleu", addends)


def chrf() -> Scorer:
    """Score the chrF2 of the text, 0 to 100; the metric is that of all texts.

    Of several references the one counts that the text is most like.
    """

    def addends(text: str, references: Sequence[str]) -> Addends:
        found = [_character_ngrams(text, reference) for reference in references]
        return max(found, key=CORPUS_STATISTICS["chrf"].of_sums)

    return _text_scorer("chrf", addends)


def ter() -> Scorer:
    """Score the edits per word of the reference in percent; 0 is best."""
    score_of = _sacrebleu("TER", "ter")

    def addends(text: str, references: Sequence[str]) -> Addends:
        found = score_of(text, references)
        return (found.num_edits, found.ref_length)

    return _text_scorer("ter", addends)


def _confusion_scorer(name: str) -> Scorer:
    is_right = acc()

    def score(completion: Completion, target: Target, sample: Sample) -> Score:
        if len(sample.choices) != len(_CLASSES) or target not in _CLASSES:
            raise ConfigError(
                f"Sample {sample.id!r} has {len(sample.choices)} choices and the "
                f"target {target!r}.",
                allowed=f"{name} compares two choices; the target is 0 or 1.",
                fix="The F1 of the words of two texts is squad_f1.",
            )
        judged: Any = is_right(completion=completion, target=target, sample=sample)
        picked = target if judged.value else 1 - int(bool(target))
        cells = ((1, 1), (0, 1), (1, 0), (0, 0))  # target and answer of tp, fp, fn, tn
        addends = tuple(float(cell == (target, picked)) for cell in cells)
        return Score(
            scorer=name,
            value=judged.value,
            answer=judged.answer,
            explanation=judged.explanation,
            share=Share(name, addends),
        )

    return score


def _text_scorer(
    name: str, addends_of: Callable[[str, Sequence[str]], Addends]
) -> Scorer:
    value_of = CORPUS_STATISTICS[name].of_sums

    def score(completion: Completion | str, target: Target) -> Score:
        text = text_of(completion)
        addends = tuple(map(float, addends_of(text, targets_of(target))))
        return Score(
            scorer=name,
            value=value_of(addends),
            answer=text,
            share=Share(name, addends),
        )

    return score


@lru_cache(maxsize=2)
def _sacrebleu(metric: str, scorer: str) -> Callable[[str, Sequence[str]], Any]:
    """Return what scores one text against its references, with sacrebleu's defaults."""
    measure = load(
        f"sacrebleu.metrics:{metric}", extra=_EXTRA, needed_by=f"the scorer {scorer}"
    )()

    def score_of(text: str, references: Sequence[str]) -> Any:
        return measure.corpus_score([text], [[reference] for reference in references])

    return score_of


def _character_ngrams(text: str, reference: str) -> Addends:
    """Return, for each n, the n-grams of the text, of the reference, and of both.

    Without white space. Where the reference has no n-gram the text's do not count.
    """
    found: list[float] = []
    for n in range(1, CHRF_ORDER + 1):
        own, other = _ngrams(text, n), _ngrams(reference, n)
        own_count = own.total() if other else 0
        found += [own_count, other.total(), (own & other).total()]
    return tuple(found)


def _ngrams(text: str, n: int) -> Counter[str]:
    packed = "".join(text.split())
    return Counter(packed[start : start + n] for start in range(len(packed) - n + 1))
