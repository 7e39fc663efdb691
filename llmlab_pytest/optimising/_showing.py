"""Demonstrations to choose from: what the model itself got right, and what it missed.

An answer of the model that scored right shows how to come to a right one, reasoning
included (Khattab et al. 2023 call it bootstrapping); of what it missed, the reference
is shown. Sets are diverse: each next sample is that which has the fewest words in
common with those before.
"""

import random
import re
from collections.abc import Mapping, Sequence

from llmlab_pytest.core import Json, Sample
from llmlab_pytest.optimising._candidate import ANSWER_FIELD, Candidate
from llmlab_pytest.optimising._measuring import Measured

_WORD = re.compile(r"\w+")
_Row = dict[str, Json]


def candidates_with_demonstrations(
    base: Candidate,
    measured: Sequence[Measured],
    *,
    shots: int,
    count: int,
    seed: int,
) -> list[Candidate]:
    """Return candidates that show samples of the first part.

    Every second one shows what the model missed too, where there is a reference text.

    Args:
        base: what they show them with.
        measured: the first part, as the base asked it.
        shots: how many each shows, at most.
        count: how many candidates, at most.
        seed: of the samples that sets begin with.
    """
    right = [(each.sample, _own_answer(each)) for each in measured if _is_right(each)]
    missed = [
        (each.sample, answer)
        for each in measured
        if not _is_right(each) and (answer := reference_of(each.sample))
    ]
    generator = random.Random(seed)
    sets: dict[tuple[str, ...], tuple[_Row, ...]] = {}
    for number in range(count):
        pool = [*right, *missed] if number % 2 or not right else right
        if not pool:
            continue
        chosen = _diverse([sample for sample, _ in pool], shots, generator)
        rows = tuple(_row(*pool[place]) for place in chosen)
        sets.setdefault(tuple(pool[place][0].id for place in chosen), rows)
    return [
        Candidate(
            name=f"demonstrations {number}",
            prompt=base.prompt,
            system=base.system,
            shown=rows,
        )
        for number, rows in enumerate(sets.values(), 1)
    ]


def reference_of(sample: Sample) -> str:
    """Return the reference answer as a text; empty where there is none."""
    target = sample.target[0] if isinstance(sample.target, tuple) else sample.target
    if isinstance(target, int) and sample.choices:
        return sample.choices[target]
    return "" if target is None else str(target)


def _is_right(measured: Measured) -> bool:
    return measured.result.outcome == "hit"


def _own_answer(measured: Measured) -> str:
    return measured.completion.text.strip()


def _row(sample: Sample, answer: str) -> _Row:
    fields: Mapping[str, Json] = {"input": sample.input, **sample.metadata}
    return {**fields, ANSWER_FIELD: answer}


def _diverse(
    samples: Sequence[Sample], count: int, generator: random.Random
) -> list[int]:
    """Return the places of a set that begins at random and spreads from there."""
    words = [_words(sample) for sample in samples]
    chosen = [generator.randrange(len(samples))]
    while len(chosen) < min(count, len(samples)):
        left = [place for place in range(len(samples)) if place not in chosen]
        nearest = {
            place: max(_alike(words[place], words[other]) for other in chosen)
            for place in left
        }
        chosen.append(min(left, key=lambda place: (nearest[place], place)))
    return chosen


def _words(sample: Sample) -> frozenset[str]:
    texts = [sample.input, *(v for v in sample.metadata.values() if isinstance(v, str))]
    return frozenset(_WORD.findall(" ".join(texts).casefold()))


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    """Return Jaccard's similarity (1901): shared words among all of both."""
    return len(one & other) / len(one | other) if one | other else 1.0
