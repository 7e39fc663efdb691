"""Judges that decide one thing about an answer, by a rule that you write."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from llmlab_pytest.core import Choice, ConfigError, Judge, Question
from llmlab_pytest.judging._material import TEXTS, Material
from llmlab_pytest.judging._scorer import Judges, JudgeScorer, Jury, Opinion, Panel

Scale = Literal["boolean", "1-5", "0-1"]
_WORDS: Mapping[str, tuple[str, ...]] = {
    "boolean": ("yes", "no"),
    "1-5": tuple(map(str, range(1, 6))),
    # One digit each: as one text, "10" would begin with "1", and a judge that tells
    # likelihoods could not tell them apart.
    "0-1": tuple(map(str, range(10))),
}
_VALUES: Mapping[str, tuple[float, ...]] = {
    "boolean": (1.0, 0.0),
    "1-5": tuple(step / 4 for step in range(5)),
    "0-1": tuple(step / 9 for step in range(10)),
}
_MEANINGS: Mapping[str, str] = {
    "boolean": "yes: the answer meets this entirely. no: it does not.",
    "1-5": "1: not at all. 2: hardly. 3: in part. 4: mostly. 5: entirely.",
    "0-1": "0: not at all. 9: entirely. Use the whole range.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """One question about an answer, and what its answers are worth.

    Raises:
        ConfigError: the rule is empty, or scale or material unknown.
    """

    rule: str
    """What to decide."""
    scale: Scale = "boolean"
    material: Sequence[str] = ("question", "answer")
    """What the judge reads."""
    weigh: bool = False
    """Whether the value is the mean by probability."""
    is_turned: bool = False
    """Whether the first choice, or the highest, is wrong rather than right; then the
    rule says itself what the choices mean."""

    def __post_init__(self) -> None:
        """Check what a card may have wrong."""
        if not self.rule.strip():
            raise ConfigError("criteria is empty.", allowed="It says what is right.")
        if self.scale not in _WORDS:
            raise ConfigError(
                f"scale is {self.scale!r}.",
                allowed=f"It is one of {', '.join(_WORDS)}.",
            )
        texts = self.material
        if isinstance(texts, str) or not texts or set(texts) - set(TEXTS):
            raise ConfigError(
                f"material is {texts!r}.",
                allowed=f"It takes a list of {', '.join(TEXTS)}.",
            )


def rubric(
    *,
    criteria: str,
    scale: Scale = "boolean",
    material: Sequence[str] = ("question", "answer"),
    weigh: bool = False,
    judge: Judges = None,
    jury: Jury = "mean",
) -> JudgeScorer:
    """Score how well the answer meets criteria that are written in plain words.

    Args:
        criteria: what a right answer is like, e.g. "Names the source of every figure."
        scale: `boolean`, `1-5`, or `0-1` in ten steps; the value is 0 to 1 in any case.
        material: what the judge reads: `question`, `answer`, `reference` (the target),
            `context`, `conversation`.
        weigh: where the judge's model tells probabilities, the value is their mean
            instead of the likeliest choice's: finer, and better correlated with people
            (G-Eval, arXiv:2303.16634).
        judge: alias of the judge, or several for a jury; by default `--llmlab-judge`.
        jury: how a jury decides: `mean`, `majority` (a tie is 0) or `lowest`.

    Raises:
        ConfigError: the criteria are empty, or scale or material unknown.
    """
    panel = Panel(judge=judge, jury=jury)
    inquiry = Inquiry(rule=criteria, scale=scale, material=material, weigh=weigh)
    return made("rubric", inquiry, panel)


def g_eval(
    *,
    criteria: str,
    steps: Sequence[str],
    scale: Scale = "1-5",
    material: Sequence[str] = ("question", "answer"),
    judge: Judges = None,
    jury: Jury = "mean",
) -> JudgeScorer:
    """Score by criteria and the steps to examine them, weighted by probability.

    As G-Eval does (Liu et al. 2023, arXiv:2303.16634), but the steps are yours: a
    judge that makes up its own would measure another thing in each run.

    Args:
        criteria: what is measured, e.g. "Coherence: the sentences build on each other."
        steps: how to examine it, in order.
        scale: as for `rubric`.
        material: as for `rubric`.
        judge: as for `rubric`.
        jury: as for `rubric`.

    Raises:
        ConfigError: as for `rubric`; or there are no steps.
    """
    if not steps or isinstance(steps, str):
        raise ConfigError(
            f"steps is {steps!r}.", allowed="It takes a list of at least one step."
        )
    numbered = "\n".join(f"{n}. {step}" for n, step in enumerate(steps, 1))
    rule = f"{criteria}\n\nExamine it in these steps:\n{numbered}"
    panel = Panel(judge=judge, jury=jury)
    inquiry = Inquiry(rule=rule, scale=scale, material=material, weigh=True)
    return made("g_eval", inquiry, panel)


def closed_qa(
    *, criterion: str, judge: Judges = None, jury: Jury = "mean"
) -> JudgeScorer:
    """Score 1 if the answer to the question meets one criterion, else 0.

    Args:
        criterion: e.g. "It is at most three sentences long."
        judge: as for `rubric`.
        jury: as for `rubric`.
    """
    rule = (
        "Does the answer to the question meet this criterion, and does nothing in it "
        f"break the criterion? The criterion: {criterion}"
    )
    panel = Panel(judge=judge, jury=jury)
    return made("closed_qa", Inquiry(rule=rule), panel)


def made(name: str, inquiry: Inquiry, panel: Panel) -> JudgeScorer:
    """Return a scorer that asks one question."""
    values = _VALUES[inquiry.scale]
    meaning = f"\n\n{_MEANINGS[inquiry.scale]}"
    if inquiry.is_turned:
        values, meaning = tuple(1.0 - value for value in values), ""

    async def decide(judge: Judge, texts: Material) -> Opinion:
        question = Question(
            rule=f"{inquiry.rule}{meaning}",
            material=texts.texts(inquiry.material),
            choices=_WORDS[inquiry.scale],
            is_weighed=inquiry.weigh,
        )
        chosen = await judge.choose(question)
        return Opinion(
            value=_value(chosen, question.choices, values, weigh=inquiry.weigh),
            answer=chosen.choice,
            reason=reason_of(chosen, question.choices),
        )

    return JudgeScorer(__name__=name, decide=decide, panel=panel)


def _value(
    chosen: Choice,
    choices: Sequence[str],
    values: Sequence[float],
    *,
    weigh: bool,
) -> float:
    if weigh and chosen.probabilities is not None:
        pairs = zip(values, chosen.probabilities, strict=True)
        return math.fsum(value * share for value, share in pairs)
    return values[choices.index(chosen.choice)]


def reason_of(chosen: Choice, choices: Sequence[str]) -> str | None:
    """Return the reason that a judge gave, and how sure it was."""
    if chosen.probabilities is None:
        return chosen.reason
    pairs = zip(choices, chosen.probabilities, strict=True)
    sure = ", ".join(f"{choice} {share:.0%}" for choice, share in pairs)
    return f"{chosen.reason} ({sure})" if chosen.reason else sure
