"""Whether an answer passes a test of promptfoo, and what it scores.

A test passes if each of its assertions does, but for those of weight 0; with a
threshold, if the weighted mean of their scores reaches it. A set of assertions is a
test within the test. An assertion with a measure scores its value, others 1 or 0.

Sample rows list their assertions; the task holds the scorers that they use. What a file
calls a metric is a score of its own: the assertions are evaluated once for all of them.
"""

import asyncio
import inspect
import math
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    Judgement,
    Sample,
    Score,
    Target,
)
from llmlab_pytest.scorers import Scorer, ask_scorer, gathered, score_from

FIELD = "assertions"
"""The field of a row with its assertions."""
THRESHOLD = "threshold"
_MOST_KEPT = 64
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one assertion, or of a set or test of them."""

    is_passed: bool | None
    """`None`: it cannot be scored."""
    value: float
    weight: float = 1.0
    metric: str | None = None
    told: str = ""
    """Why it does not pass."""
    judgements: tuple[Judgement, ...] = ()
    parts: "tuple[Result, ...]" = ()


def promptfoo(
    *, scorers: Sequence[Scorer], part: str = "passed", metric: str | None = None
) -> Scorer:
    """Score an answer by the assertions that its row lists, as promptfoo does.

    Args:
        scorers: those that rows use, by number.
        part: `passed`, 1 or 0; or `score`, the weighted mean.
        metric: score the assertions of this metric alone, by their weighted mean.

    Raises:
        ConfigError: `part` is neither of the two; while scoring, the row lists none.
    """
    if part not in ("passed", "score"):
        raise ConfigError(f"part is {part!r}.", allowed="It is 'passed' or 'score'.")

    def finish(whole: Result) -> Score:
        return _score_of(whole, part=part, metric=metric)

    def score(
        completion: Completion, target: Target, sample: Sample
    ) -> Score | Awaitable[Score]:
        del target
        result = _shared.result(scorers, completion, sample)
        if isinstance(result, Result):
            return finish(result)
        return _finished(result, finish)

    return score


async def _finished(result: Awaitable[Result], finish: Any) -> Score:
    return cast("Score", finish(await result))


def _score_of(whole: Result, *, part: str, metric: str | None) -> Score:
    if metric is not None:
        own = [each for each in _flat(whole) if each.metric == metric]
        return Score(scorer=metric, value=_mean(own) if own else None)
    if whole.is_passed is None:
        value = None
    else:
        value = float(whole.is_passed) if part == "passed" else whole.value
    is_first = part == "passed"  # judgements count once
    return Score(
        scorer=part,
        value=value,
        explanation=whole.told or None,
        judgements=whole.judgements if is_first else (),
    )


def _flat(whole: Result) -> list[Result]:
    found = []
    for each in whole.parts:
        found += [each, *_flat(each)]
    return found


def evaluate_all(
    scorers: Sequence[Scorer], completion: Completion, sample: Sample
) -> Result | Awaitable[Result]:
    """Return what becomes of a row's assertions, or what will tell it.

    Raises:
        ConfigError: the row lists none.
    """
    row: Mapping[str, Any] = sample.metadata
    entries = row.get(FIELD)
    if not isinstance(entries, list):
        raise ConfigError(
            f"The sample {sample.id!r} lists no assertions.",
            fix=f"Give its row a field {FIELD!r}.",
        )
    outcomes = _ask(scorers, entries, completion, sample)
    waiting = {n: each for n, each in enumerate(outcomes) if inspect.isawaitable(each)}
    threshold = row.get(THRESHOLD)

    def finish(told: Sequence[object]) -> Result:
        scores = dict(zip(waiting, told, strict=True))
        known = [scores.get(n, outcome) for n, outcome in enumerate(outcomes)]
        return _whole(_results(entries, iter(known)), threshold)

    if not waiting:
        return finish([])

    async def later() -> Result:
        return finish(await gathered(list(waiting.values())))

    return later()


def _ask(
    scorers: Sequence[Scorer],
    entries: Sequence[Entry],
    completion: Completion,
    sample: Sample,
) -> list[Any]:
    """Return the outcome of every single assertion, depth first."""
    outcomes: list[Any] = []
    for entry in entries:
        if "set" in entry:
            outcomes += _ask(scorers, entry["set"], completion, sample)
            continue
        own = _sample_for(entry, sample)
        scorer = scorers[entry["scorer"]]
        outcomes.append(
            ask_scorer(scorer, completion=completion, sample=own, name=entry["kind"])
        )
    return outcomes


def _sample_for(entry: Entry, sample: Sample) -> Sample:
    """Return the sample with the target, question and context of an assertion."""
    target = entry.get("target")
    own = replace(sample, target=tuple(target) if isinstance(target, list) else target)
    if "input" in entry:
        own = replace(own, input=str(entry["input"]))
    if "context" in entry:
        metadata = {**own.metadata, "context": entry["context"]}
        own = replace(own, metadata=metadata)
    return own


def _results(entries: Sequence[Entry], outcomes: Any) -> list[Result]:
    return [
        _named(_whole(_results(entry["set"], outcomes), entry.get(THRESHOLD)), entry)
        if "set" in entry
        else _named(_single(entry, next(outcomes)), entry)
        for entry in entries
    ]


def _named(result: Result, entry: Entry) -> Result:
    weight = float(entry.get("weight", 1.0))
    return replace(result, weight=weight, metric=entry.get("metric"))


def _single(entry: Entry, outcome: object) -> Result:
    kind = entry["kind"]
    score = score_from(outcome, kind)
    if score.value is None:
        why = score.explanation or "no value"
        told = f"{kind} cannot be scored: {why}"
        return Result(is_passed=None, value=0.0, told=told, judgements=score.judgements)
    at_least, is_negated = entry.get("at_least"), bool(entry.get("negate"))
    bar = 1.0 if at_least is None else float(at_least)
    is_passed = (score.value >= bar) != is_negated
    value = float(is_passed)
    if at_least is not None:
        value = 1.0 - score.value if is_negated else score.value
    told = "" if is_passed else f"{kind}: {_why(score, at_least)}"
    return Result(
        is_passed=is_passed, value=value, told=told, judgements=score.judgements
    )


def _why(score: Score, at_least: float | None) -> str:
    found = "" if at_least is None else f"{score.value:.3g}, asked for {at_least:g}"
    why = score.explanation or ("" if found else "no" if score.value == 0 else "yes")
    return "; ".join(filter(None, [found, why]))


def _whole(parts: Sequence[Result], threshold: float | None) -> Result:
    judgements = tuple(one for part in parts for one in part.judgements)
    failed = [one for one in parts if one.weight and one.is_passed is False]
    is_open = any(one.weight and one.is_passed is None for one in parts)
    value = _mean(parts)
    told = "; ".join(one.told for one in parts if one.told and one.weight)
    is_passed: bool | None = not failed
    if threshold is not None:
        is_passed = value >= threshold
        told = (
            "" if is_passed else f"score {value:.3g}, asked for {threshold:g}; {told}"
        )
    # One that fails decides alone, unless a threshold weighs it with the others.
    if is_open and (threshold is not None or not failed):
        is_passed = None
    return Result(
        is_passed=is_passed,
        value=value,
        told=told,
        judgements=judgements,
        parts=tuple(parts),
    )


def _mean(parts: Sequence[Result]) -> float:
    """Return the weighted mean; without assertions all is well, without weights not."""
    if not parts:
        return 1.0
    total = math.fsum(part.weight for part in parts)
    weighed = math.fsum(part.value * part.weight for part in parts)
    return weighed / total if total > 0 else 0.0


class _Once:
    """An awaitable that several may await; what it does is done once."""

    def __init__(self, awaitable: Awaitable[Result]) -> None:
        self._awaitable = awaitable
        self._task: asyncio.Future[Result] | None = None

    def __await__(self) -> Generator[Any, None, Result]:
        """Begin with the first who awaits; the others wait for the same."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._awaitable)
        return self._task.__await__()


class _Shared:
    """What the scores of one answer have in common, kept for the last few answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], tuple[Any, ...]] = OrderedDict()

    def result(
        self, scorers: Sequence[Scorer], completion: Completion, sample: Sample
    ) -> Result | Awaitable[Result]:
        """Evaluate the assertions of a row, or return what was evaluated."""
        key = (id(completion), id(sample))
        with self._lock:
            if key in self._kept:  # the objects are kept, so that ids stay theirs
                return cast("Result | Awaitable[Result]", self._kept[key][-1])
        result = evaluate_all(scorers, completion, sample)
        kept = result if isinstance(result, Result) else _Once(result)
        with self._lock:
            self._kept[key] = (completion, sample, kept)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return kept


_shared = _Shared()
