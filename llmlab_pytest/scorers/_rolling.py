"""How well a model predicts whole texts, in nats per word, byte or token.

As lm-eval 0.4.13's `word_perplexity`, `byte_perplexity` and `bits_per_byte`: a sample
counts by its words or bytes, so that the metrics of these names are those of the
corpus. A value is kept in nats, because a perplexity of one long word can be more than
a float holds. The target is the text that words and bytes are counted in; tokens are
those that were scored.
"""

import re
from collections.abc import Callable

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    ContinuationLogprob,
    Sample,
    Score,
    Target,
)
from llmlab_pytest.scorers._protocol import Scorer

_SPACE = re.compile(r"\s+")
Count = Callable[[str, ContinuationLogprob], int]


def nats_per_word() -> Scorer:
    """Score the nats per word: pieces between whitespace, as `re.split` counts them."""
    return _rate_scorer("nats_per_word", lambda text, _: len(_SPACE.split(text)))


def nats_per_byte() -> Scorer:
    """Score the nats per UTF-8 byte."""
    return _rate_scorer("nats_per_byte", lambda text, _: len(text.encode()))


def nats_per_token() -> Scorer:
    """Score the nats per token of the model; models of other tokens differ."""
    return _rate_scorer("nats_per_token", lambda _, whole: whole.tokens)


def _rate_scorer(name: str, count_of: Count) -> Scorer:
    unit = name.removeprefix("nats_per_")

    def score(completion: Completion, target: Target, sample: Sample) -> Score:
        if len(completion.continuations) != 1 or not isinstance(target, str):
            raise ConfigError(
                f"Sample {sample.id!r} is no text whose likelihood was asked for.",
                fix=f"Use {name} in a task of kind 'perplexity'.",
            )
        whole = completion.continuations[0]
        count = count_of(target, whole)
        if not count:
            raise ConfigError(
                f"Sample {sample.id!r} has a text without any {unit}.",
                fix="Correct the row, or the card's target.",
            )
        return Score(
            scorer=name,
            value=-whole.loglikelihood / count,
            weight=float(count),
            explanation=f"{-whole.loglikelihood:.2f} nats over {count:,} {unit}s",
        )

    return score
