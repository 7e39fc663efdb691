"""What a scorer is, and how one is called.

A scorer is any callable whose parameters are chosen by name from `completion`, `target`
and `sample`, as pytest chooses fixtures. `def shouts(completion): return
completion.text.isupper()` is one. It returns a `Score`, a bool, a number, or `None` for
"cannot be scored". A scorer raises only for its own bugs: a wrong answer is a score.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    Json,
    Registry,
    Sample,
    Score,
    unknown_name,
)

Outcome = Score | bool | float | None
Scorer = Callable[..., Outcome]
ScorerFactory = Callable[..., Scorer]
ScorerRegistry = Registry[ScorerFactory]
ScorerSpec = str | Mapping[str, Json]

PARAMETERS = ("completion", "target", "sample")


def make_scorer(
    spec: ScorerSpec, registry: ScorerRegistry, *, where: str
) -> tuple[str, Scorer]:
    """Build a scorer from its name, or from a table with `name` and options.

    Args:
        spec: `"exact"` or `{"name": "exact", "normalise": ["casefold"]}`; the key `as`
            renames its score, so that one scorer can be used twice.
        registry: the known scorers.
        where: file and line, or mark, for messages.

    Returns:
        The score's name and the scorer.

    Raises:
        ConfigError: the scorer or an option is unknown, or an option is wrong.
    """
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(
            f"The scorer {spec!r} in {where} has no name.",
            allowed="A scorer is a name or a table with the key 'name'.",
        )
    title = str(options.pop("as", name))
    factory = registry.get_or_raise(name, where=where)
    accepted = [
        parameter.name
        for parameter in inspect.signature(factory).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    for option in options:
        if option not in accepted:
            raise unknown_name(f"option of {name}", option, accepted, where=where)
    try:
        scorer = factory(**options)
    except ConfigError as error:
        raise ConfigError(
            f"{where}: scorer {name!r}: {error.seen}",
            allowed=error.allowed,
            fix=error.fix,
        ) from error
    _parameters(scorer, where)
    return title, scorer


def apply_scorer(
    name: str, scorer: Scorer, *, completion: Completion, sample: Sample
) -> Score:
    """Call a scorer with what it asks for and return its score under `name`.

    Raises:
        ConfigError: the scorer asks for something else, or returns something else.
    """
    offered = {"completion": completion, "target": sample.target, "sample": sample}
    wanted = _parameters(scorer, f"scorer {name!r}")
    outcome = scorer(**{parameter: offered[parameter] for parameter in wanted})
    if isinstance(outcome, Score):
        return replace(outcome, scorer=name)
    if outcome is None or isinstance(outcome, (bool, int, float)):
        return Score(scorer=name, value=None if outcome is None else float(outcome))
    raise ConfigError(
        f"The scorer {name!r} returned {outcome!r}.",
        allowed="A scorer returns a Score, a bool, a number or None.",
    )


def text_of(completion: Completion | str) -> str:
    """Return the text to judge: a scorer also works on a plain string."""
    return completion if isinstance(completion, str) else completion.text


@lru_cache(maxsize=256)
def _parameters(scorer: Scorer, where: str) -> tuple[str, ...]:
    wanted = tuple(
        name
        for name, parameter in inspect.signature(scorer).parameters.items()
        if parameter.default is inspect.Parameter.empty or name in PARAMETERS
    )
    for name in wanted:
        if name not in PARAMETERS:
            raise unknown_name("scorer parameter", name, list(PARAMETERS), where=where)
    return wanted
