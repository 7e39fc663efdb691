"""Judges that hold an answer against another text: the truth, or a rival."""

import math
from collections.abc import Mapping, Sequence

from llmlab_pytest.core import Choice, ConfigError, Judge, Question
from llmlab_pytest.judging._material import Material
from llmlab_pytest.judging._rubric import reason_of
from llmlab_pytest.judging._scorer import Judges, JudgeScorer, Jury, Opinion, Panel
from llmlab_pytest.scorers import gathered

_FACTS: Mapping[str, tuple[str, float]] = {
    "A": ("the answer holds part of the reference and contradicts none of it", 0.4),
    "B": ("the answer holds all of the reference, and more that agrees with it", 0.6),
    "C": ("the answer holds the same facts as the reference", 1.0),
    "D": ("the answer and the reference contradict each other", 0.0),
    "E": ("they differ, but in nothing that matters for the facts", 1.0),
}
"""The classes of OpenAI's `fact` evaluation, with the values of autoevals."""
_FACTUALITY = (
    "Compare the facts of the answer with those of the reference, which is the truth. "
    "Style, grammar and punctuation do not count. Which of these holds?\n"
)
_PREFERENCE = (
    "Two answers to one question. Which is better by these criteria: {criteria} The "
    "order in which they stand, and their length, are no reason. first: the first is "
    "better. second: the second is better. tie: neither."
)
_CRITERIA = "it is right, does what was asked, and is of use to who asked."
_ORDER = ("first", "second", "tie")
_TIE = 0.5
_BETTER: Sequence[float] = (1.0, 0.0, _TIE)


def factuality(*, judge: Judges = None, jury: Jury = "mean") -> JudgeScorer:
    """Score how the facts of the answer relate to those of the target.

    1 for the same facts, or differences that do not matter; 0.6 for all of them and
    more; 0.4 for a part of them; 0 for a contradiction. Classes as in OpenAI's `fact`
    evaluation, values as in autoevals' `Factuality`.

    Args:
        judge: alias of the judge, or several for a jury; by default `--llmlab-judge`.
        jury: how a jury decides: `mean`, `majority` (a tie is 0) or `lowest`.
    """
    listed = "\n".join(
        f"{letter}: {meaning}" for letter, (meaning, _) in _FACTS.items()
    )

    async def decide(judge: Judge, texts: Material) -> Opinion:
        given = texts.texts(("question", "reference", "answer"))
        letters = tuple(_FACTS)
        question = Question(
            rule=f"{_FACTUALITY}{listed}", material=given, choices=letters
        )
        chosen = await judge.choose(question)
        meaning, value = _FACTS[chosen.choice]
        reason = reason_of(chosen, letters)
        told = f"{meaning} ({reason})" if reason else meaning
        return Opinion(value=value, answer=chosen.choice, reason=told)

    panel = Panel(judge=judge, jury=jury)
    return JudgeScorer(__name__="factuality", decide=decide, panel=panel)


def pairwise(
    *,
    against: str = "reference",
    criteria: str = _CRITERIA,
    judge: Judges = None,
    jury: Jury = "mean",
) -> JudgeScorer:
    """Score 1 if the answer is better than another one, 0 if worse, 0.5 for a tie.

    The judge sees the pair in both orders. If it prefers whatever stands first, or
    last, that is no preference: a tie, and the explanation says so.

    Args:
        against: `reference`, which is the target, or a field of the row that holds the
            other answer.
        criteria: what makes an answer better.
        judge: as for `factuality`.
        jury: as for `factuality`.

    Raises:
        ConfigError: the criteria are empty.
    """
    if not criteria.strip():
        raise ConfigError("criteria is empty.", allowed="It says what is better.")
    rule = _PREFERENCE.format(criteria=criteria)

    async def decide(judge: Judge, texts: Material) -> Opinion:
        other = _other(texts, against)
        return await _both_orders(judge, rule, texts.question, (texts.answer, other))

    panel = Panel(judge=judge, jury=jury)
    return JudgeScorer(__name__="pairwise", decide=decide, panel=panel)


async def _both_orders(
    judge: Judge, rule: str, question: str, pair: tuple[str, str]
) -> Opinion:
    """Ask which of two answers is better, each of them first once."""
    orders = [pair, (pair[1], pair[0])]
    questions = [
        Question(
            rule=rule,
            material={"question": question, "first answer": one, "second answer": two},
            choices=_ORDER,
        )
        for one, two in orders
    ]
    straight, turned = await gathered([judge.choose(one) for one in questions])
    values = (_preference(straight), 1.0 - _preference(turned))
    names = (straight.choice, turned.choice)
    if names in (("first", "first"), ("second", "second")):
        return Opinion(
            value=_TIE,
            answer="tie",
            reason=f"its place decided: the {names[0]} was better in both orders",
        )
    value = math.fsum(values) / len(values)
    word = "better" if value > _TIE else "worse" if value < _TIE else "tie"
    return Opinion(value=value, answer=word, reason=reason_of(straight, _ORDER))


def _preference(chosen: Choice) -> float:
    """Return 1 if the first is better, 0 if the second is."""
    return _BETTER[_ORDER.index(chosen.choice)]


def _other(texts: Material, against: str) -> str:
    """Return the text that the answer is compared with.

    Raises:
        ConfigError: the row has none.
    """
    if against == "reference":
        return texts.reference
    row = {} if texts.sample is None else texts.sample.metadata
    if isinstance(other := row.get(against), str):
        return other
    raise ConfigError(
        f"pairwise compares with the field {against!r}, which the row does not have.",
        allowed="It holds the other answer, a text.",
    )
