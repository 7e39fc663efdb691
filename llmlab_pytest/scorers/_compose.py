"""Scorers made of scorers: all, any, weighted, not, and a bar to pass.

Parts are from 0 to 1, where 1 is right. All of them is the lowest, any of them the
highest, not is 1 minus, as in Zadeh (1965): for plain yes and no that is the usual
logic, and De Morgan's laws hold. A part that cannot be scored (`None`) leaves the whole
unscored, unless the others decide it alone, as Kleene's strong logic has it: with a 0
not all hold, with a 1 some does.

Parts that are coroutines run at the same time, and not at all where the others decide:
an exact match spares the judge.
"""

import inspect
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from llmlab_pytest.core import Completion, ConfigError, Sample, Score, Target, shorten
from llmlab_pytest.scorers._awaiting import Later, drop
from llmlab_pytest.scorers._protocol import (
    Scorer,
    ask_scorer,
    completion_from,
    name_of,
    sample_from,
    score_from,
)

Scores = Sequence[Score]
Combine = Callable[[Scores], Score]


def all_of(scorers: Sequence[Scorer]) -> Scorer:
    """Score the lowest of several scores: 1 if every part holds.

    Args:
        scorers: the parts; in a card names or tables, in Python made scorers and
            functions.

    Raises:
        ConfigError: there is no part, or one cannot be called; while scoring, the value
            of a part is not from 0 to 1.
    """

    def combine(scores: Scores) -> Score:
        lowest = min(_known(scores), key=_value, default=None)
        return _whole("all_of", lowest, scores, decisive=0.0)

    return _composition("all_of", scorers, combine, decisive=0.0)


def any_of(scorers: Sequence[Scorer]) -> Scorer:
    """Score the highest of several scores: 1 if some part holds.

    Args:
        scorers: as for `all_of`.

    Raises:
        ConfigError: as for `all_of`.
    """

    def combine(scores: Scores) -> Score:
        highest = max(_known(scores), key=_value, default=None)
        return _whole("any_of", highest, scores, decisive=1.0)

    return _composition("any_of", scorers, combine, decisive=1.0)


def weighted(
    scorers: Sequence[Scorer], *, weights: Sequence[float] | None = None
) -> Scorer:
    """Score the weighted mean of several scores.

    A part that cannot be scored leaves the whole unscored, unless its weight is 0.

    Args:
        scorers: as for `all_of`.
        weights: one for each part, at least 0; by default all the same.

    Raises:
        ConfigError: as for `all_of`; or the weights are not as stated, or all 0.
    """
    shares = _weights(weights, len(scorers))

    def combine(scores: Scores) -> Score:
        counted = [(s, w) for s, w in zip(scores, shares, strict=True) if w]
        parts = [score for score, _ in counted]
        is_open = len(_known(parts)) < len(parts)
        total = math.fsum(_value(score) * weight for score, weight in counted)
        value = None if is_open else total / math.fsum(shares)
        reasons = None if value == 1 else _reasons(parts)
        return Score(scorer="weighted", value=value, explanation=reasons)

    return _composition("weighted", scorers, combine)


def negate(scorer: Scorer) -> Scorer:
    """Score 1 minus the value of a scorer: right where it says wrong.

    Args:
        scorer: in a card a name or a table, in Python a made scorer or a function.

    Raises:
        ConfigError: it cannot be called; while scoring, its value is not from 0 to 1.
    """

    def combine(scores: Scores) -> Score:
        (part,) = scores
        told = f": {shorten(part.answer)!r}" if part.answer else ""
        return Score(
            scorer="negate",
            value=None if part.value is None else 1.0 - part.value,
            answer=part.answer,
            explanation=None if part.value == 0 else f"{part.scorer} holds{told}",
        )

    return _composition("negate", [scorer], combine)


def threshold(
    scorer: Scorer, *, at_least: float | None = None, at_most: float | None = None
) -> Scorer:
    """Score 1 if the value of a scorer is within bounds, which themselves pass.

    Makes yes and no of a measure on any scale, such as BLEU's 0 to 100.

    Args:
        scorer: as for `negate`.
        at_least: the lowest value that passes.
        at_most: the highest value that passes, for measures such as `ter`.

    Raises:
        ConfigError: no bound is given, or the scorer cannot be called.
    """
    if at_least is None and at_most is None:
        raise ConfigError(
            "threshold has no bound.", allowed="It takes at_least, at_most or both."
        )

    def combine(scores: Scores) -> Score:
        (part,) = scores
        fault = bounds_fault(part, at_least=at_least, at_most=at_most)
        return Score(
            scorer="threshold",
            value=None if part.value is None else float(fault is None),
            answer=part.answer,
            explanation=fault,
        )

    return _composition("threshold", [scorer], combine, is_bounded=False)


def bounds_fault(
    score: Score, *, at_least: float | None, at_most: float | None
) -> str | None:
    """Return what keeps a score from being within bounds; `None`: it is."""
    if score.value is None:
        return _reason(score)
    why = f"; {score.explanation}" if score.explanation else ""
    if at_least is not None and score.value < at_least:
        return f"{score.scorer} is {score.value:.4g}, below {at_least:g}{why}"
    if at_most is not None and score.value > at_most:
        return f"{score.scorer} is {score.value:.4g}, above {at_most:g}{why}"
    return None


@dataclass(frozen=True, slots=True, eq=False)  # by identity: parts may have no hash
class _Composition:
    """A scorer that asks its parts and combines what they say."""

    name: str
    parts: tuple[Scorer, ...]
    combine: Combine
    """From the scores of the parts to that of the whole."""
    decisive: float | None
    """The value of a part that decides without the others."""
    is_bounded: bool
    """Whether the values of parts have to be from 0 to 1."""

    def __call__(
        self,
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score | Awaitable[Score]:
        """Return the score, or what will become it where a part is a coroutine."""
        case = sample_from(target, sample)
        text = completion_from(completion)
        told: dict[int, Score] = {}
        waiting: dict[int, Awaitable[object]] = {}
        for n, part in enumerate(self.parts):
            name = name_of(part)
            outcome = ask_scorer(part, completion=text, sample=case, name=name)
            if inspect.isawaitable(outcome):
                waiting[n] = outcome
            else:
                told[n] = self._score(n, outcome)
        decided = [each for each in told.values() if each.value == self.decisive]
        if waiting and not (decided and self.decisive is not None):
            return self._later(told, waiting)
        drop(waiting.values())
        return self.combine(list(told.values()))

    def _later(
        self, told: dict[int, Score], waiting: dict[int, Awaitable[object]]
    ) -> Awaitable[Score]:
        def finish(found: list[object]) -> Score:
            pairs = zip(waiting, found, strict=True)
            scores = told | {n: self._score(n, outcome) for n, outcome in pairs}
            return self.combine([scores[n] for n in range(len(self.parts))])

        return Later(waiting.values(), finish)

    def _score(self, n: int, outcome: object) -> Score:
        score = score_from(outcome, name_of(self.parts[n]))
        value = score.value
        if self.is_bounded and value is not None and not 0 <= value <= 1:
            raise ConfigError(
                f"In {self.name}, {score.scorer} is {value:.4g}.",
                allowed="What is combined is from 0 to 1.",
                fix="Wrap it in threshold, with at_least or at_most.",
            )
        return score


def _composition(
    name: str,
    scorers: Sequence[Scorer],
    combine: Combine,
    *,
    decisive: float | None = None,
    is_bounded: bool = True,
) -> Scorer:
    if not isinstance(scorers, (list, tuple)) or not scorers:
        raise ConfigError(f"scorers is {scorers!r}.", allowed="It is a list of some.")
    for part in scorers:
        if not callable(part):
            raise ConfigError(
                f"A part of {name} is {part!r}.",
                allowed="In Python a part is a function, or made as by exact().",
                fix="Import its factory from llmlab_pytest.scorers, and call it.",
            )
    return _Composition(name, tuple(scorers), combine, decisive, is_bounded)


def _weights(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    shares = (1.0,) * count if weights is None else tuple(map(float, weights))
    is_fit = all(0 <= share < math.inf for share in shares) and sum(shares) > 0
    if len(shares) != count or (count and not is_fit):
        raise ConfigError(
            f"weights is {weights!r}, for {count} scorers.",
            allowed="Each scorer has one number, at least 0, and not all are 0.",
        )
    return shares


def _whole(
    name: str, chosen: Score | None, scores: Scores, *, decisive: float
) -> Score:
    """Return the score of a whole that has the value of one of its parts.

    It is open where a part has no value, unless the chosen one decides alone.
    """
    if chosen and chosen.value != decisive and len(_known(scores)) < len(scores):
        chosen = None
    value = chosen.value if chosen else None
    return Score(
        scorer=name,
        value=value,
        answer=chosen.answer if chosen else None,
        explanation=None if value == 1 else _reasons(scores),
    )


def _known(scores: Scores) -> list[Score]:
    return [score for score in scores if score.value is not None]


def _value(score: Score) -> float:
    return 0.0 if score.value is None else score.value


def _reasons(scores: Scores) -> str:
    """Say of each part that is not right what keeps it from it."""
    return "; ".join(_reason(score) for score in scores if score.value != 1)


def _reason(score: Score) -> str:
    if score.value is None:
        return f"{score.scorer} cannot be scored: {score.explanation or 'no value'}"
    partly = "" if score.value == 0 else f" is {score.value:.3g}"
    why = f": {score.explanation}" if score.explanation else ""
    return f"{score.scorer}{partly}{why}" if partly or why else f"{score.scorer}: no"
