"""Scorers that compare what texts mean, by models on this machine.

They are coroutines: what many samples ask at the same time is computed together.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from itertools import combinations
from typing import NamedTuple

from llmlab_pytest.core import Completion, ConfigError, Sample, Score, Target, shorten
from llmlab_pytest.meaning._models import (
    MINILM,
    Pair,
    class_named,
    cosine,
    pairs_of,
    vectors_of,
)
from llmlab_pytest.scorers import Scorer, text_of


class Measured(NamedTuple):
    """A value from 0 to 1, and what it says in words."""

    value: float
    told: str


Measure = Callable[[str, Sequence[str]], Awaitable[Measured]]
_SHOWN = 60
_LEAST_TEXTS = 2


def similarity(*, model: str = MINILM, at_least: float | None = None) -> Scorer:
    """Score how similar the meaning is to that of the target, of several the closest.

    The cosine of the texts' vectors; a negative one counts as 0. What is similar enough
    depends on the model and the texts: `llmlab threshold` finds it from pairs that
    people have judged.

    Args:
        model: a folder of sentence-transformers, `package:NAME/FOLDER` or
            `hf:OWNER/NAME`; by default all-MiniLM-L6-v2, which extra [local] brings.
        at_least: score 1 from this similarity on, else 0.

    Raises:
        ConfigError: `at_least` is not within 0 and 1.
    """

    async def measure(text: str, references: Sequence[str]) -> Measured:
        vectors = vectors_of(model)
        answer, *others = await asyncio.gather(*map(vectors.get, (text, *references)))
        found = [max(0.0, cosine(answer, other)) for other in others]
        best = max(range(len(found)), key=found.__getitem__)
        told = f"similarity {found[best]:.3f} to {shorten(references[best], _SHOWN)!r}"
        return Measured(found[best], told)

    return _scorer("similarity", measure, at_least)


def cross_encoder(*, model: str, at_least: float | None = None) -> Scorer:
    """Score a pair of answer and target by a cross-encoder with one output.

    The output goes through the logistic function, as sentence-transformers' models for
    similarity are trained.

    Args:
        model: as for `similarity`; there is no default.
        at_least: as for `similarity`.

    Raises:
        ConfigError: `at_least` is not within 0 and 1; while scoring, the model tells
            classes apart.
    """

    async def measure(text: str, references: Sequence[str]) -> Measured:
        encoder = pairs_of(model)
        asked = [encoder.get(Pair(text, other)) for other in references]
        found = []
        for scores in await asyncio.gather(*asked):
            if len(scores.logits) != 1:
                raise ConfigError(
                    f"The model {model!r} tells {', '.join(scores.classes)} apart.",
                    allowed="cross_encoder takes a model with one output.",
                    fix="Use entailment or contradiction.",
                )
            found.append(1 / (1 + math.exp(-scores.logits[0])))
        return Measured(max(found), f"the cross-encoder says {max(found):.3f}")

    return _scorer("cross_encoder", measure, at_least)


def entailment(
    *, model: str, at_least: float | None = None, is_mutual: bool = False
) -> Scorer:
    """Score the probability that the target entails the answer.

    Args:
        model: a cross-encoder for natural language inference, such as
            `hf:cross-encoder/nli-deberta-v3-base`, given as for `similarity`.
        at_least: as for `similarity`.
        is_mutual: the answer has to entail the target, too: both say the same. The
            lower of the two probabilities counts.

    Raises:
        ConfigError: `at_least` is not within 0 and 1; while scoring, the model has no
            class "entailment".
    """

    async def measure(text: str, references: Sequence[str]) -> Measured:
        ways = [[Pair(other, text) for other in references]]
        if is_mutual:
            ways.append([Pair(text, other) for other in references])
        told = await asyncio.gather(
            *(_probabilities(model, pairs, "entailment") for pairs in ways)
        )
        best = max(map(min, zip(*told, strict=True)))
        return Measured(best, f"entailed with probability {best:.3f}")

    return _scorer("entailment", measure, at_least)


def contradiction(*, model: str, at_least: float | None = None) -> Scorer:
    """Score 1 minus the probability that the answer contradicts the target.

    Args:
        model: as for `entailment`.
        at_least: as for `similarity`.

    Raises:
        ConfigError: as for `entailment`; the class is "contradiction".
    """

    async def measure(text: str, references: Sequence[str]) -> Measured:
        pairs = [Pair(other, text) for other in references]
        # Of several targets each is right by itself: one that agrees is enough.
        least = min(await _probabilities(model, pairs, "contradiction"))
        return Measured(1 - least, f"contradicts with probability {least:.3f}")

    return _scorer("contradiction", measure, at_least)


async def consistency(
    texts: Sequence[Completion | str], *, model: str = MINILM
) -> float:
    """Return how alike several answers to one question are: their mean similarity.

    To one question asked several times, to its paraphrases, or of several models.

    Args:
        texts: at least two.
        model: as for `similarity`.

    Raises:
        ConfigError: there are fewer than two.
    """
    if len(texts) < _LEAST_TEXTS:
        raise ConfigError(
            f"consistency was given {len(texts)} texts.",
            allowed="It takes two or more.",
        )
    vectors = vectors_of(model)
    found = await asyncio.gather(*(vectors.get(text_of(text)) for text in texts))
    pairs = [max(0.0, cosine(one, other)) for one, other in combinations(found, 2)]
    return math.fsum(pairs) / len(pairs)


async def _probabilities(model: str, pairs: Sequence[Pair], name: str) -> list[float]:
    encoder = pairs_of(model)
    found = await asyncio.gather(*map(encoder.get, pairs))
    return [
        scores.probability(class_named(scores, name, model=model)) for scores in found
    ]


def _references(target: Target) -> tuple[str, ...]:
    if target is None:
        raise ConfigError(
            "The sample has no target to compare the answer with.",
            fix="Give each row a 'target'.",
        )
    return tuple(map(str, target if isinstance(target, tuple) else (target,)))


def _scorer(name: str, measure: Measure, at_least: float | None) -> Scorer:
    """Return a scorer of what is measured between a text and its targets."""
    _check(at_least)

    async def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del sample
        found = await measure(text_of(completion), _references(target))
        if at_least is None:
            return Score(scorer=name, value=found.value, explanation=found.told)
        is_enough = found.value >= at_least
        fault = f"{found.told}, below {at_least:g}"
        return Score(
            scorer=name,
            value=float(is_enough),
            explanation=found.told if is_enough else fault,
        )

    return score


def _check(at_least: float | None) -> None:
    if at_least is not None and not 0 <= at_least <= 1:
        raise ConfigError(
            f"at_least is {at_least!r}.", allowed="It is a number from 0 to 1."
        )
