"""A scorer that asks judges: one opinion of each, and a score of all."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    Judge,
    Judgement,
    Sample,
    Score,
    Target,
    judges_here,
)
from llmlab_pytest.judging._material import Material
from llmlab_pytest.scorers import gathered

Jury = Literal["mean", "majority", "lowest"]
Judges = str | Sequence[str] | None
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one judge thinks."""

    value: float | None
    """From 0, wrong, to 1, right; `None`: the rule does not apply."""
    answer: str | None = None
    """What it chose."""
    reason: str | None = None


Decide = Callable[[Judge, Material], Awaitable[Opinion]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Who judges, and what the judges get to read: options of every such scorer."""

    judge: Judges = None
    """Alias of the judge, or several for a jury; `None`: `--llmlab-judge`."""
    jury: Jury = "mean"
    """How a jury decides: by the mean, by majority (a tie is 0), or by its lowest."""
    context: str = "context"
    """The field of the row with the text, or texts, that an answer rests on."""

    def __post_init__(self) -> None:
        """Check what a card may have wrong.

        Raises:
            ConfigError: the jury decides in no known way.
        """
        if self.jury not in get_args(Jury):
            raise ConfigError(
                f"jury is {self.jury!r}.",
                allowed=f"It is one of {', '.join(get_args(Jury))}.",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The aliases of the judges; none: those of the run."""
        if self.judge is None:
            return ()
        return (self.judge,) if isinstance(self.judge, str) else tuple(self.judge)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # a scorer is itself only
class JudgeScorer:
    """A scorer whose value is the opinion of a judge, or of several."""

    __name__: str
    decide: Decide
    panel: Panel

    async def __call__(
        self,
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        """Ask every judge at the same time.

        Raises:
            ConfigError: there is no judge, or a text that it is to read.
            MalformedJudgement: a judge's answer cannot be read.
            ProviderError: a judge did not answer.
        """
        accounts = judges_here(self.panel.names)
        context = self.panel.context
        material = Material.of(completion, target, sample, context_field=context)
        opinions = await gathered(
            [self.decide(account.judge, material) for account in accounts]
        )
        judgements = [
            account.judgement(opinion.value)
            for account, opinion in zip(accounts, opinions, strict=True)
        ]
        return Score(
            scorer=self.__name__,
            value=_together([opinion.value for opinion in opinions], self.panel.jury),
            answer=_told([opinion.answer for opinion in opinions], judgements),
            explanation=_told([opinion.reason for opinion in opinions], judgements),
            judgements=tuple(judgements),
        )


def _together(values: Sequence[float | None], jury: Jury) -> float | None:
    """Return what a jury says; if one of them cannot tell, neither can the jury."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if jury == "lowest":
        return min(known)
    if jury == "majority" and len(known) > 1:
        return float(sum(value > _HALF for value in known) > len(known) / 2)
    return math.fsum(known) / len(known)


def _told(parts: Sequence[str | None], judgements: Sequence[Judgement]) -> str | None:
    """Return what the judges told, with their names where there are several."""
    if len(parts) == 1:
        return parts[0]
    told = [
        f"{j.judge}: {part}" for j, part in zip(judgements, parts, strict=True) if part
    ]
    return "; ".join(told) or None
