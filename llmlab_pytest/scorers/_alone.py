"""Scorers on their own: in a notebook, a script, a table, without task and test.

Wherever a scorer is asked for here, four things do: the name of one that ships
(`"exact"`), a table with its name and options, what a factory of this package made
(`exact(normalise=["casefold"])`), and a plain function or coroutine function.
"""

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from llmlab_pytest.core import Completion, ConfigError, Sample, Score, Target
from llmlab_pytest.scorers._awaiting import wait_for
from llmlab_pytest.scorers._catalog import scorer_registry
from llmlab_pytest.scorers._protocol import (
    Outcome,
    Scorer,
    ScorerRegistry,
    ask_scorer,
    completion_from,
    make_scorer,
    name_of,
    sample_from,
    score_from,
)

AnyScorer = Scorer | str | Mapping[str, Any]
"""How a scorer is given: itself, its name, or a table with its name and options."""

_NO_VALUE = ("NAType", "NaTType")
"""What pandas puts where a row has nothing, besides `None` and NaN."""


def score(
    completion: Completion | str,
    scorer: AnyScorer,
    *,
    target: Target = None,
    sample: Sample | None = None,
) -> Score:
    """Score one completion, or a text.

    Args:
        completion: what to judge; a missing one (`None`, NaN) is not scored.
        scorer: a name, a table with options, a made scorer, or a function; a coroutine
            function is run to its end.
        target: the reference answer, or several as a tuple or list.
        sample: for scorers that look at choices or other fields of the row.

    Returns:
        The score; its name is the scorer's.

    Raises:
        ConfigError: the scorer or an option is unknown or wrong, or a target is needed
            and missing.
    """
    return score_many([completion], scorer, targets=[target], samples=[sample])[0]


async def ascore(
    completion: Completion | str,
    scorer: AnyScorer,
    *,
    target: Target = None,
    sample: Sample | None = None,
) -> Score:
    """Score as `score` does, in your own event loop."""
    title, made = _made(scorer)
    outcome = _asked(made, title, completion, target, sample)
    if inspect.isawaitable(outcome):
        outcome = await outcome
    return _titled(outcome, title, made)


def score_many(
    completions: Iterable[Completion | str],
    scorer: AnyScorer,
    *,
    targets: Iterable[Any] | None = None,
    samples: Iterable[Sample | None] | None = None,
    concurrency: int = 16,
) -> list[Score]:
    """Score completions one by one: lists, or columns of a data frame.

    `pandas.DataFrame(score_many(frame["text"], "exact", targets=frame["target"]))` has
    a row per text and the fields of `Score` as columns.

    Args:
        completions: texts or completions; a missing one (`None`, NaN) is not scored.
        scorer: as for `score`.
        targets: one for each; none of them if left out.
        samples: one for each, for scorers that look at choices or other fields.
        concurrency: how many coroutines run at once, where the scorer is one.

    Returns:
        One score for each completion, in their order.

    Raises:
        ConfigError: as for `score`; or the lengths differ.
    """
    title, made = _made(scorer)
    texts = _values(completions)
    columns = [
        [None] * len(texts) if column is None else _values(column)
        for column in (targets, samples)
    ]
    for name, column in zip(("targets", "samples"), columns, strict=True):
        if len(column) != len(texts):
            raise ConfigError(
                f"There are {len(texts)} completions and {len(column)} {name}.",
                allowed="Each completion has one, or there are none at all.",
            )
    outcomes = [_asked(made, title, *row) for row in zip(texts, *columns, strict=True)]
    found = [_titled(each, title, made) for each in _settled(outcomes, concurrency)]
    return _named_alike(texts, found)


def _settled(outcomes: list[Any], concurrency: int) -> list[Outcome]:
    pending = [n for n, outcome in enumerate(outcomes) if inspect.isawaitable(outcome)]
    if pending:
        waiting = [outcomes[n] for n in pending]
        found = wait_for(waiting, concurrency=concurrency)
        for n, outcome in zip(pending, found, strict=True):
            outcomes[n] = outcome
    return outcomes


def _named_alike(texts: list[Any], scores: list[Score]) -> list[Score]:
    """Give the scores of missing completions the name that the others have."""
    missing = [_is_missing(text) for text in texts]
    pairs = list(zip(missing, scores, strict=True))
    name = next((score.scorer for gone, score in pairs if not gone), None)
    if name is None:
        return scores
    return [replace(each, scorer=name) if gone else each for gone, each in pairs]


def _made(scorer: AnyScorer) -> tuple[str | None, Scorer]:
    """Return a scorer and the name that its user gave it, if any."""
    if isinstance(scorer, (str, Mapping)):
        return make_scorer(scorer, _shipped(), where="score()")
    if callable(scorer):
        return None, scorer
    raise ConfigError(
        f"The scorer is {scorer!r}.",
        allowed="It is a name, a table with a name, or a function.",
    )


@cache
def _shipped() -> ScorerRegistry:
    return scorer_registry()


def _asked(
    scorer: Scorer, title: str | None, completion: Any, target: Any, sample: Any
) -> Any:
    name = title or name_of(scorer)
    if _is_missing(completion):
        return Score(scorer=name, value=None, explanation="there is no completion")
    if not isinstance(completion, (str, Completion)):
        raise ConfigError(
            f"The completion is {completion!r}.", allowed="It is a text or Completion."
        )
    return ask_scorer(
        scorer,
        completion=completion_from(completion),
        sample=sample_from(_target(target), sample),
        name=name,
    )


def _titled(outcome: object, title: str | None, scorer: Scorer) -> Score:
    found = score_from(outcome, title or name_of(scorer))
    return found if title is None else replace(found, scorer=title)


def _values(column: Iterable[Any]) -> list[Any]:
    """Return a column's values as Python's own; numpy's and pandas' have `tolist`."""
    to_list = getattr(column, "tolist", None)
    return list(column) if to_list is None else list(to_list())


def _target(value: Any) -> Target:
    if _is_missing(value):
        return None
    return tuple(value) if isinstance(value, list) else value


def _is_missing(value: object) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or type(value).__name__ in _NO_VALUE
