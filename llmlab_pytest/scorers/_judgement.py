"""What plain scorers share: a text comes in, a fault or none comes out."""

from collections.abc import Callable
from typing import NamedTuple

from llmlab_pytest.core import Completion, ConfigError, Sample, Score, Target
from llmlab_pytest.scorers._protocol import Scorer, text_of


class Finding(NamedTuple):
    """What a look at a text found."""

    fault: str | None
    """What is wrong, for people; `None`: nothing."""
    answer: str | None = None
    """The part of the text that was judged."""


def judged(name: str, finding: Finding) -> Score:
    """Return the score of a finding: 1 without a fault, else 0."""
    return Score(
        scorer=name,
        value=float(finding.fault is None),
        answer=finding.answer,
        explanation=finding.fault,
    )


def text_scorer(name: str, look: Callable[[str], Finding]) -> Scorer:
    """Return a scorer that looks at the text alone, whatever the target is."""

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del target, sample
        return judged(name, look(text_of(completion)))

    return score


def target_scorer(name: str, look: Callable[[str, Target], Finding]) -> Scorer:
    """Return a scorer that compares the text with the target."""

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del sample
        return judged(name, look(text_of(completion), target))

    return score


def check_choice(option: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise `ConfigError` unless an option has one of the values it takes."""
    if value not in allowed:
        raise ConfigError(
            f"{option} is {value!r}.", allowed=f"One of {', '.join(allowed)}."
        )


def check_texts(option: str, value: object) -> None:
    """Raise `ConfigError` where an option that takes a list of texts holds none."""
    if value is None:
        return
    if (
        not isinstance(value, (list, tuple))
        or not value
        or not all(isinstance(each, str) for each in value)
    ):
        raise ConfigError(
            f"{option} is {value!r}.", allowed="It takes a list of texts, at least one."
        )
