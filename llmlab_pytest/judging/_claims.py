"""Judges that take a text apart and decide about each part.

After Ragas (Es et al. 2023, arXiv:2309.15217), whose definitions these follow: the
value is the part of statements, or of retrieved texts, that hold. Here each part is a
question of its own, so that no part is judged by what stands beside it, and the parts
that do not hold are named.
"""

import math
from collections.abc import Sequence

from llmlab_pytest.core import Judge, Question, shorten
from llmlab_pytest.judging._material import Material
from llmlab_pytest.judging._scorer import Judges, JudgeScorer, Jury, Opinion, Panel
from llmlab_pytest.scorers import gathered

_YES, _NO = "yes", "no"
_SPLIT = (
    "List every statement of fact that the {text} makes, each as one sentence that can "
    "be understood by itself: names instead of pronouns. Leave out opinions, questions "
    "and manners. If there is none, the list is empty."
)
_SUPPORTED = (
    "Does the context support the statement? yes: the context says it, or it follows "
    "from what the context says alone. no: the context does not say so, or says "
    "otherwise, however true the statement may be."
)
_RELEVANT = (
    "Does the statement help to answer the question? yes: it is part of an answer, or "
    "explains or limits one. no: without it nothing would be missing that was asked."
)
_USEFUL = (
    "Is the context useful to arrive at the reference answer of the question? yes: it "
    "holds at least one fact that the reference answer needs. no: it does not."
)


def faithfulness(
    *, judge: Judges = None, jury: Jury = "mean", context: str = "context"
) -> JudgeScorer:
    """Score the part of the answer's statements that the context supports.

    `None` where the answer states nothing.

    Args:
        judge: alias of the judge, or several for a jury; by default `--llmlab-judge`.
        jury: how a jury decides: `mean`, `majority` (a tie is 0) or `lowest`.
        context: the field of the row with the text, or texts, of the context.
    """

    async def decide(judge: Judge, texts: Material) -> Opinion:
        claims = await _claims(judge, "answer", texts.answer)
        given = {"context": texts.text("context")}
        return await _share(judge, claims, _SUPPORTED, given, "not in the context")

    panel = Panel(judge=judge, jury=jury, context=context)
    return JudgeScorer(__name__="faithfulness", decide=decide, panel=panel)


def context_recall(
    *, judge: Judges = None, jury: Jury = "mean", context: str = "context"
) -> JudgeScorer:
    """Score the part of the reference's statements that the context supports.

    It judges what was retrieved, not the answer. `None` where the reference states
    nothing.

    Args:
        judge: as for `faithfulness`.
        jury: as for `faithfulness`.
        context: as for `faithfulness`.
    """

    async def decide(judge: Judge, texts: Material) -> Opinion:
        claims = await _claims(judge, "reference", texts.reference)
        given = {"context": texts.text("context")}
        return await _share(judge, claims, _SUPPORTED, given, "not in the context")

    panel = Panel(judge=judge, jury=jury, context=context)
    return JudgeScorer(__name__="context_recall", decide=decide, panel=panel)


def answer_relevancy(*, judge: Judges = None, jury: Jury = "mean") -> JudgeScorer:
    """Score the part of the answer's statements that help to answer the question.

    Whether they are true is not asked. `None` where the answer states nothing.

    Args:
        judge: as for `faithfulness`.
        jury: as for `faithfulness`.
    """

    async def decide(judge: Judge, texts: Material) -> Opinion:
        claims = await _claims(judge, "answer", texts.answer)
        given = {"question": texts.question}
        return await _share(judge, claims, _RELEVANT, given, "beside the question")

    panel = Panel(judge=judge, jury=jury)
    return JudgeScorer(__name__="answer_relevancy", decide=decide, panel=panel)


def context_precision(
    *, judge: Judges = None, jury: Jury = "mean", context: str = "context"
) -> JudgeScorer:
    """Score how far useful texts stand before useless ones among those retrieved.

    The mean of the precision at each useful text's rank (average precision); 0 where
    none is useful. It judges what was retrieved, not the answer.

    Args:
        judge: as for `faithfulness`.
        jury: as for `faithfulness`.
        context: the field with the texts in the order in which they were retrieved.
    """

    async def decide(judge: Judge, texts: Material) -> Opinion:
        given = {"question": texts.question, "reference": texts.reference}
        parts = [{**given, "context": part} for part in texts.contexts]
        useful = await _each(judge, _USEFUL, parts)
        marks = "".join("+" if is_useful else "-" for is_useful in useful)
        return Opinion(value=average_precision(useful), answer=marks)

    panel = Panel(judge=judge, jury=jury, context=context)
    return JudgeScorer(__name__="context_precision", decide=decide, panel=panel)


def average_precision(useful: Sequence[bool]) -> float:
    """Return the mean precision at the ranks of the useful ones; 0 without any."""
    ranks = [rank for rank, is_useful in enumerate(useful, 1) if is_useful]
    if not ranks:
        return 0.0
    return math.fsum(n / rank for n, rank in enumerate(ranks, 1)) / len(ranks)


async def _claims(judge: Judge, name: str, text: str) -> tuple[str, ...]:
    """Return the statements that a text makes; an empty text makes none."""
    if not text.strip():
        return ()
    rule = _SPLIT.format(text=name)
    return await judge.find(Question(rule=rule, material={name: text}))


async def _share(
    judge: Judge,
    claims: Sequence[str],
    rule: str,
    given: dict[str, str],
    fault: str,
) -> Opinion:
    """Return the part of statements that hold, and those that do not."""
    holds = await _each(judge, rule, [{**given, "statement": c} for c in claims])
    if not holds:
        return Opinion(value=None, reason="no statement to judge")
    missing = [
        claim for claim, holding in zip(claims, holds, strict=True) if not holding
    ]
    told = "; ".join(f"{fault}: {shorten(claim, 120)}" for claim in missing)
    return Opinion(
        value=sum(holds) / len(holds),
        answer=f"{sum(holds)} of {len(holds)}",
        reason=told or None,
    )


async def _each(
    judge: Judge, rule: str, materials: Sequence[dict[str, str]]
) -> list[bool]:
    """Ask of all at the same time; whether the answer is yes."""
    questions = [
        Question(rule=rule, material=material, choices=(_YES, _NO))
        for material in materials
    ]
    chosen = await gathered([judge.choose(question) for question in questions])
    return [one.choice == _YES for one in chosen]
