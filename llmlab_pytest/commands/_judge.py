"""`llmlab judge`: ask a judge about answers that people have rated, and compare."""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from llmlab_pytest.asking import Asking, read_scorer
from llmlab_pytest.commands._judge_lines import lines_of
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.commands._ratings import Rating, read_ratings
from llmlab_pytest.core import (
    Bench,
    ConfigError,
    LlmlabError,
    ModelSpec,
    Registry,
    Score,
    judging,
)
from llmlab_pytest.judging import (
    JUDGE_SCORERS,
    Calibration,
    ModelJudge,
    figures_of,
)
from llmlab_pytest.scorers import (
    Scorer,
    ScorerRegistry,
    ScorerSpec,
    ascore,
    make_scorer,
)

_AT_ONCE = 16
_LEAST = 2


class Judged(NamedTuple):
    """A rated answer, and what became of it."""

    rating: Rating
    score: Score | None
    error: LlmlabError | None = None


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.add_argument(
        "ratings", type=Path, help="JSON lines: answer, rating, input, target, …"
    )
    parser.add_argument(
        "--scorer", required=True, help="name or JSON of a scorer that asks a judge"
    )
    parser.add_argument("--judge", required=True, metavar="MODEL", help="who judges")
    parser.add_argument(
        "--field", default="rating", help="field with people's rating (%(default)s)"
    )
    parser.add_argument(
        "--scale",
        default="0-1",
        help="from wrong to right, of ratings that are numbers (%(default)s)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the comparison")
    parser.add_argument("--registry", type=Path, metavar="FILE", help="own models")
    parser.add_argument(
        "--allow-commands",
        action="store_true",
        help="run the commands that models take their keys from",
    )
    parser.set_defaults(act=calibrate)


def calibrate(given: argparse.Namespace) -> Outcome:
    """Compare a judge with people, and write what corrects it.

    Raises:
        LlmlabError: a file, the scorer or the judge cannot be used, or no answer was
            judged.
    """
    least, most = _scale(given.scale)
    ratings = read_ratings(given.ratings, field=given.field, least=least, most=most)
    spec = read_scorer(given.scorer)
    name, scorer = make_scorer(spec, _scorers(), where="--scorer")
    started = time.monotonic()
    with Asking(given.registry, may_run_commands=given.allow_commands) as asking:
        judge, *others = asking.find([given.judge], where="--judge")
        if others:
            raise ConfigError(
                f"--judge {given.judge} names {1 + len(others)} models.",
                allowed="One judge is compared with people at a time.",
            )
        # Whichever judge the scorer names: the one given here is compared.
        bench = partial(_bench, asking, judge)
        judged = asyncio.run(_all(ratings, scorer, bench))
    took_s = time.monotonic() - started
    rated = [(one.rating, one.score) for one in judged if one.score is not None]
    failed = [(one.rating, one.error) for one in judged if one.error is not None]
    if len(rated) < _LEAST and failed:
        _, error = failed[0]
        raise error
    lines = _report(f"{name} by {judge.alias}", rated)
    lines.append(f"{took_s:.1f} s, {_cost([score for _, score in rated])}")
    lines += [f"{one.where}: {type(error).__name__}: {error}" for one, error in failed]
    if given.out is not None:
        _calibration(judge.alias, spec, rated).write(given.out)
        lines.append(f"wrote {given.out}, for --llmlab-calibration")
    return Outcome(lines, is_good=not failed)


def _bench(asking: Asking, judge: ModelSpec, _: Sequence[str]) -> list[ModelJudge]:
    return [asking.judge(judge, where="--judge")]


async def _all(ratings: Sequence[Rating], scorer: Scorer, bench: Bench) -> list[Judged]:
    free = asyncio.Semaphore(_AT_ONCE)
    done = 0

    async def one(rating: Rating) -> Judged:
        nonlocal done
        async with free:
            try:
                found = await ascore(rating.answer, scorer, sample=rating.sample)
            except LlmlabError as error:
                outcome = Judged(rating, None, error)
            else:
                is_told = found.value is not None
                outcome = Judged(rating, found) if is_told else _untold(rating, found)
        done += 1
        _show(done, len(ratings))
        return outcome

    with judging(bench):
        return list(await asyncio.gather(*map(one, ratings)))


def _untold(rating: Rating, score: Score) -> Judged:
    why = score.explanation or "the rule does not apply"
    error = ConfigError(
        f"The judge gave no value: {why}.", fix="Leave such answers out of the file."
    )
    return Judged(rating, None, error)


def _show(done: int, count: int) -> None:
    """Show progress where somebody looks."""
    if sys.stderr.isatty():
        end = "\n" if done == count else ""
        sys.stderr.write(f"\r{done} of {count} judged{end}")
        sys.stderr.flush()


def _report(title: str, rated: Sequence[tuple[Rating, Score]]) -> list[str]:
    lengths = [len(rating.answer) for rating, _ in rated]
    figures = figures_of(_pairs(rated), lengths)
    return lines_of(title, figures, [score for _, score in rated])


def _calibration(
    judge: str, spec: ScorerSpec, rated: Sequence[tuple[Rating, Score]]
) -> Calibration:
    told = [judgement for _, score in rated for judgement in score.judgements]
    return Calibration(
        judge=judge,
        scorer=spec,
        prompt_hashes=tuple(sorted({judgement.prompt_hash for judgement in told})),
        pairs=tuple(_pairs(rated)),
    )


def _pairs(rated: Sequence[tuple[Rating, Score]]) -> list[tuple[float, float]]:
    return [(rating.value, float(score.value or 0.0)) for rating, score in rated]


def _cost(scores: Sequence[Score]) -> str:
    told = [judgement for score in scores for judgement in score.judgements]
    costs = [judgement.cost_usd for judgement in told]
    calls = sum(judgement.calls for judgement in told)
    if None in costs:
        return f"{calls} calls, of unknown cost"
    return f"{calls} calls, ${sum(filter(None, costs)):.4f}"


def _scorers() -> ScorerRegistry:
    registry: ScorerRegistry = Registry("scorer")
    for name, factory in JUDGE_SCORERS.items():
        registry.register(name, factory, source="llmlab-pytest")
    return registry


def _scale(text: str) -> tuple[float, float]:
    least, _, most = text.partition("-")
    try:
        bounds = float(least), float(most)
    except ValueError:
        bounds = (0.0, 0.0)
    if bounds[0] >= bounds[1]:
        raise ConfigError(
            f"--scale is {text!r}.", allowed="It is two numbers, such as 0-1 or 1-5."
        )
    return bounds
