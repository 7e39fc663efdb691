"""What a scorer is, and how one is called.

A scorer is any callable whose parameters are chosen by name from `completion`, `target`
and `sample`, as pytest chooses fixtures. `def shouts(completion): return
completion.text.isupper()` is one. It returns a `Score`, a bool, a number, or `None` for
"cannot be scored"; a coroutine function is a scorer too. A scorer raises only for its
own bugs and for wrong settings: a wrong answer is a score.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    Json,
    Registry,
    Sample,
    Score,
    Target,
    unknown_name,
)
from llmlab_pytest.scorers._awaiting import Later, wait_for
from llmlab_pytest.scorers._option_types import WrongOption, wrong_option

Outcome = Score | bool | float | None
Scorer = Callable[..., Outcome | Awaitable[Outcome]]
ScorerFactory = Callable[..., Scorer]
ScorerRegistry = Registry[ScorerFactory]
ScorerSpec = str | Mapping[str, Json]

PARAMETERS = ("completion", "target", "sample")
_NESTED = ("scorer", "scorers")
"""Options of a composition: what they hold are scorers, in a card by name or table."""


def make_scorer(
    spec: ScorerSpec, registry: ScorerRegistry, *, where: str
) -> tuple[str, Scorer]:
    """Build a scorer from its name, or from a table with `name` and options.

    Args:
        spec: `"exact"` or `{"name": "exact", "normalise": ["casefold"]}`; the key `as`
            renames its score, so that one scorer can be used twice. The options
            `scorer` and `scorers` hold such specs themselves, or scorers.
        registry: the known scorers.
        where: file and line, or mark, for messages.

    Returns:
        The score's name and the scorer.

    Raises:
        ConfigError: the scorer or an option is unknown, or an option is wrong.
    """
    options: dict[str, Any] = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(
            f"The scorer {spec!r} in {where} has no name.",
            allowed="A scorer is a name or a table with the key 'name'.",
        )
    title = str(options.pop("as", name))
    factory = registry.get_or_raise(name, where=where)
    _check_options(name, options, factory, where)
    for option in _NESTED:
        if option in options:
            place = f"{where}: {name}"
            options[option] = _nested(options[option], registry, place)
    scorer = _made(name, factory, options, where)
    _parameters(scorer, where)
    return title, scorer


def _made(
    name: str, factory: ScorerFactory, options: Mapping[str, object], where: str
) -> Scorer:
    """Call a factory; what it says of its options is clearer than their types."""
    wrong = wrong_option(factory, options)
    try:
        scorer = factory(**options)
    except ConfigError as error:
        raise ConfigError(
            f"{where}: scorer {name!r}: {error.seen}",
            allowed=error.allowed,
            fix=error.fix,
        ) from error
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        if wrong is None:
            raise
        raise _of_wrong_type(name, wrong, where) from error
    if wrong is not None:
        raise _of_wrong_type(name, wrong, where)
    return scorer


def _of_wrong_type(name: str, wrong: WrongOption, where: str) -> ConfigError:
    return ConfigError(
        f"The option {wrong.name!r} of the scorer {name!r} in {where} is {wrong.seen}.",
        allowed=f"It is {wrong.allowed}.",
    )


def names_one_of(spec: object, names: Container[str]) -> bool:
    """Whether a scorer as a card writes it, or a part of it, has one of these names."""
    if isinstance(spec, str):
        return spec in names
    if isinstance(spec, Mapping):
        parts = (spec.get(key) for key in ("name", *_NESTED))
        return any(names_one_of(part, names) for part in parts)
    if isinstance(spec, Sequence):
        return any(names_one_of(part, names) for part in spec)
    return False


def apply_scorer(
    name: str, scorer: Scorer, *, completion: Completion, sample: Sample
) -> Score:
    """Call a scorer with what it asks for and return its score under `name`.

    A coroutine is run to its end.

    Raises:
        ConfigError: the scorer asks for something else, or returns something else.
    """
    outcome = ask_scorer(scorer, completion=completion, sample=sample, name=name)
    if inspect.isawaitable(outcome):
        (outcome,) = wait_for([outcome])
    score = score_from(outcome, name)
    return score if score.scorer == name else replace(score, scorer=name)


def ask_scorer(
    scorer: Scorer, *, completion: Completion, sample: Sample, name: str
) -> Outcome | Awaitable[Outcome]:
    """Call a scorer with what it asks for; what a coroutine will say is awaitable.

    Raises:
        ConfigError: the scorer asks for something else; the message has its `name`.
    """
    offered = {"completion": completion, "target": sample.target, "sample": sample}
    wanted = _parameters(scorer, f"scorer {name!r}")
    return scorer(**{parameter: offered[parameter] for parameter in wanted})


def score_from(outcome: object, name: str) -> Score:
    """Return what a scorer returned as a score; `name` is for what is none yet.

    Raises:
        ConfigError: it is nothing that a scorer may return.
    """
    if isinstance(outcome, Score):
        return outcome
    if outcome is None or isinstance(outcome, (bool, int, float)):
        return Score(scorer=name, value=None if outcome is None else float(outcome))
    raise ConfigError(
        f"The scorer {name!r} returned {outcome!r}.",
        allowed="A scorer returns a Score, a bool, a number or None.",
    )


def name_of(scorer: Scorer) -> str:
    """Return what a scorer without a registered name is called: as its function is."""
    while isinstance(scorer, functools.partial):
        scorer = scorer.func
    return str(getattr(scorer, "__name__", type(scorer).__name__)).strip("<>")


def text_of(completion: Completion | str) -> str:
    """Return the text to judge: a scorer also works on a plain string."""
    return completion if isinstance(completion, str) else completion.text


def completion_from(completion: Completion | str) -> Completion:
    """Return a text as the completion of a model without a name."""
    if isinstance(completion, str):
        return Completion(text=completion, model="")
    return completion


def sample_from(target: Target, sample: Sample | None) -> Sample:
    """Return the sample of a scorer that works alone: the target is what it has."""
    if sample is None:
        return Sample(id="alone", input="", target=target)
    return sample if target is None else replace(sample, target=target)


def _check_options(
    name: str, options: Mapping[str, object], factory: ScorerFactory, where: str
) -> None:
    accepted = {
        parameter.name: parameter
        for parameter in inspect.signature(factory).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    for option in options:
        if option not in accepted:
            raise unknown_name(f"option of {name}", option, list(accepted), where=where)
    for option, parameter in accepted.items():
        is_given = parameter.default is not parameter.empty or option in options
        if not is_given and parameter.kind is not parameter.VAR_POSITIONAL:
            raise ConfigError(
                f"The scorer {name!r} in {where} lacks its option {option!r}.",
                fix=f'Write it as {{"name": "{name}", "{option}": …}}.',
            )


def _nested(specs: Any, registry: ScorerRegistry, where: str) -> Any:
    """Build the scorers that an option of another one holds: one, or a list."""
    if isinstance(specs, Sequence) and not isinstance(specs, str):
        return [_nested(spec, registry, where) for spec in specs]
    if not isinstance(specs, (str, Mapping)):
        return specs
    title, scorer = make_scorer(specs, registry, where=where)
    return _named(title, scorer)


def _named(title: str, scorer: Scorer) -> Scorer:
    """Return a scorer whose scores have the name that a card gives it."""

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Outcome | Awaitable[Outcome]:
        outcome = ask_scorer(
            scorer,
            completion=completion_from(completion),
            sample=sample_from(target, sample),
            name=title,
        )
        if inspect.isawaitable(outcome):
            return Later([outcome], lambda found: named(found[0]))
        return named(outcome)

    def named(outcome: object) -> Score:
        return replace(score_from(outcome, title), scorer=title)

    return score


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
