"""A scorer as a command line or the web page gives it."""

import json
from collections.abc import Mapping

from llmlab_pytest.core import ConfigError, Json
from llmlab_pytest.judging import JUDGE_SCORERS
from llmlab_pytest.scorers import (
    ScorerFactory,
    ScorerRegistry,
    ScorerSpec,
    names_one_of,
    scorer_registry,
)

DEFAULT_RUBRIC: ScorerSpec = {
    "name": "rubric",
    "criteria": "It answers what was asked, rightly and to the point.",
}
"""What a judge decides by where no scorer asks it anything else."""


def read_scorer(text: str) -> ScorerSpec:
    """Read a scorer: its name, or a JSON object with its name and options.

    Raises:
        ConfigError: it is an object that cannot be read.
    """
    if not text.lstrip().startswith("{"):
        return text
    try:
        spec: dict[str, Json] = json.loads(text)
    except ValueError as error:
        raise ConfigError(
            f"--scorer is {text!r}: {error}.",
            allowed='It is a name, or like {"name": "rubric", "criteria": "…"}.',
        ) from error
    return spec


def asks_judge(spec: ScorerSpec) -> bool:
    """Whether a scorer, or a part of it, asks a judge."""
    return names_one_of(spec, JUDGE_SCORERS)


def known_scorers(*rooms: Mapping[str, ScorerFactory]) -> ScorerRegistry:
    """Return the plain scorers that ship, and those of other rooms."""
    registry = scorer_registry()
    for name, factory in (each for room in rooms for each in room.items()):
        registry.register(name, factory, source="llmlab-pytest")
    return registry
