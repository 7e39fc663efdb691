"""What a judge is to a scorer: a model that decides one thing about given texts.

A scorer that asks judges is a coroutine. It gets them from the run it works in, not
from its caller, so that it can stand wherever a scorer stands: in a card, in an
assertion, as a part of another scorer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from llmlab_pytest.core._errors import ConfigError
from llmlab_pytest.core._usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a judge is to decide."""

    rule: str
    """The instructions: what to look at, and which answer means what."""
    material: Mapping[str, str]
    """The texts to judge by their names. They are data, however they are worded."""
    choices: tuple[str, ...] = ()
    """The answers to choose from, single words or numbers; none: a list of texts."""
    is_weighed: bool = False
    """Whether the probabilities of the choices are wanted, from judges that tell."""

    def __post_init__(self) -> None:
        """Check that there is something to choose from, or nothing.

        Raises:
            ConfigError: there is one choice.
        """
        if len(self.choices) == 1 or len(set(self.choices)) < len(self.choices):
            raise ConfigError(
                f"A question has the choices {list(self.choices)}.",
                allowed="There are none, or at least two different ones.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a judge chose."""

    choice: str
    """The choice; where there are probabilities, the likeliest."""
    probabilities: tuple[float, ...] | None = None
    """Of each choice, in their order, where the judge's model tells them."""
    reason: str | None = None


class Judge(Protocol):
    """A model that judges."""

    name: str
    """Its alias."""

    async def choose(self, question: Question) -> Choice:
        """Return one of the question's choices.

        Raises:
            MalformedJudgement: the answer is none of them.
            ProviderError: there is no answer.
        """

    async def find(self, question: Question) -> tuple[str, ...]:
        """Return the texts that a question without choices asks for.

        Raises:
            MalformedJudgement: the answer is no list of texts.
            ProviderError: there is no answer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One judge's part in a score; what it cost is not the tested model's."""

    judge: str
    """The judge's alias."""
    value: float | None
    """What this judge says; the score is what all of them make of it."""
    prompt_hash: str
    """Digest of the rules that it was asked to decide by, and how it was asked."""
    calls: int = 0
    """How many answers it gave for this."""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    """`None` when the price is unknown; what was kept of earlier runs costs nothing."""


class Account(Protocol):
    """A judge that keeps account of what it was asked for one score."""

    judge: Judge

    def judgement(self, value: float | None) -> Judgement:
        """Return what was asked up to now, with the value that came of it."""


Bench = Callable[[Sequence[str]], Sequence[Account]]
"""Gives the judges of these aliases; of none, those of the run."""

_bench: ContextVar[Bench | None] = ContextVar("llmlab_bench", default=None)


def judges_here(names: Sequence[str] = ()) -> Sequence[Account]:
    """Return new accounts of judges: the named ones, or those of this run.

    Raises:
        ConfigError: there is no run, no judge, or none of a name.
    """
    bench = _bench.get()
    if bench is None:
        raise ConfigError(
            "A judge is asked outside of a run.",
            allowed="Scorers that ask a judge work in tests and task cards, and within "
            "`with judged_by(...)`.",
        )
    return bench(names)


@contextmanager
def judging(bench: Bench) -> Iterator[None]:
    """Let scorers find their judges, in this thread or task and what it starts."""
    token = _bench.set(bench)
    try:
        yield
    finally:
        _bench.reset(token)


def set_bench(bench: Bench | None) -> None:
    """Let scorers find their judges from now on."""
    _bench.set(bench)
