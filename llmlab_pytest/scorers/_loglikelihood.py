"""Multiple choice by likelihood, as lm-eval 0.4.13 defines it.

The model scores every choice as a continuation; nothing is generated. The first of
several equal scores wins, as numpy's argmax does.
"""

import math
from collections.abc import Callable, Sequence

from llmlab_pytest.core import Completion, ConfigError, Sample, Score, Target
from llmlab_pytest.scorers._protocol import Scorer


def acc() -> Scorer:
    """Score 1 if the most likely continuation is the target's."""
    return _argmax_scorer("acc", lambda _: 1.0)


def acc_norm() -> Scorer:
    """Score 1 if the likelihood per character of the choice is highest at the target.

    Characters of the choice as written, without the delimiter before it.
    """
    return _argmax_scorer("acc_norm", lambda choice: float(len(choice)))


def acc_bytes() -> Scorer:
    """Score 1 if the likelihood per UTF-8 byte is highest at the target's choice."""
    return _argmax_scorer("acc_bytes", lambda choice: float(len(choice.encode())))


def acc_mutual_info() -> Scorer:
    """Score 1 if the context makes the target's choice likelier than any other.

    The highest log P(choice | context) - log P(choice). The card's key `unconditional`
    asks for the second term.
    """

    def score(completion: Completion, target: Target, sample: Sample) -> Score:
        count = len(sample.choices)
        lls = [part.loglikelihood for part in completion.continuations]
        if not lls or len(lls) != 2 * count:
            raise ConfigError(
                f"Sample {sample.id!r} has {count} choices, and the completion scores "
                f"{len(lls)} continuations.",
                allowed="acc_mutual_info needs each choice with and without context.",
                fix="Set unconditional = true in the card.",
            )
        gains = [ll - alone for ll, alone in zip(lls, lls[count:], strict=False)]
        return _picked("acc_mutual_info", gains, target, sample)

    return score


def mc2() -> Scorer:
    """Score the probability mass on the true choices (TruthfulQA, mc2).

    The target holds a 1 for each true and a 0 for each false choice; the score is
    Σ exp(ll) over the true ones divided by Σ exp(ll) over all.
    """

    def score(completion: Completion, target: Target) -> Score:
        lls = [part.loglikelihood for part in completion.continuations]
        if not lls or not isinstance(target, tuple) or len(target) != len(lls):
            raise ConfigError(
                f"The target {target!r} does not label {len(lls)} continuations.",
                allowed="It holds one 0 or 1 per choice.",
            )
        top = max(lls)
        masses = [math.exp(ll - top) for ll in lls]
        true = math.fsum(
            m for m, is_true in zip(masses, target, strict=True) if is_true
        )
        value = true / math.fsum(masses)
        return Score(scorer="mc2", value=value, explanation=f"{value:.3f} of the mass")

    return score


def _argmax_scorer(name: str, length_of: Callable[[str], float]) -> Scorer:
    def score(completion: Completion, target: Target, sample: Sample) -> Score:
        lls = _conditional(completion, len(sample.choices))
        if not lls or len(lls) != len(sample.choices):
            raise ConfigError(
                f"Sample {sample.id!r} has {len(sample.choices)} choices, and the "
                f"completion scores {len(lls)} continuations.",
                fix="Use this scorer in a task of kind 'loglikelihood'.",
            )
        lengths = [length_of(choice) for choice in sample.choices]
        if 0.0 in lengths:
            raise ConfigError(
                f"Sample {sample.id!r} has an empty choice, and {name} divides by its "
                "length.",
                fix="Correct the row, or use acc.",
            )
        values = [ll / length for ll, length in zip(lls, lengths, strict=True)]
        return _picked(name, values, target, sample)

    return score


def _picked(
    name: str, values: Sequence[float], target: Target, sample: Sample
) -> Score:
    best = values.index(max(values))
    return Score(
        scorer=name,
        value=float(best in _right(target)),
        answer=sample.choices[best],
        explanation="scores " + ", ".join(f"{value:.3f}" for value in values),
    )


def _conditional(completion: Completion, count: int) -> list[float]:
    """Return the likelihoods of the choices in their context.

    Behind them may stand as many without context, for `acc_mutual_info`.
    """
    lls = [part.loglikelihood for part in completion.continuations]
    return lls[:count] if len(lls) == 2 * count else lls


def _right(target: Target) -> Sequence[object]:
    if isinstance(target, tuple):
        return target
    if isinstance(target, int):
        return (target,)
    raise ConfigError(
        f"The target {target!r} is no index into the choices.",
        allowed="It takes a whole number from 0, or several.",
    )
