"""`llmlab threshold`: from which value of a scorer on an answer passes."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from llmlab_pytest.asking import known_scorers, read_scorer
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.commands._ratings import read_ratings
from llmlab_pytest.core import ConfigError, DataError, Interval
from llmlab_pytest.meaning import MEANING_SCORERS
from llmlab_pytest.scorers import make_scorer, score_many
from llmlab_pytest.stats import Errors, Threshold, best_threshold

_HALF = 0.5


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.add_argument(
        "ratings", type=Path, help="JSON lines: answer, target, rating, …"
    )
    parser.add_argument(
        "--scorer",
        default="similarity",
        help="name or JSON of a scorer whose value is a number (%(default)s)",
    )
    parser.add_argument(
        "--field", default="rating", help="field with people's rating (%(default)s)"
    )
    parser.add_argument(
        "--most-false-accepts",
        type=float,
        metavar="PART",
        help="part of wrong answers that may pass (default: both errors weigh alike)",
    )
    parser.set_defaults(act=find_threshold)


def find_threshold(given: argparse.Namespace) -> Outcome:
    """Find the threshold that separates what people call right from what is not.

    Raises:
        LlmlabError: a file or the scorer cannot be used, or all ratings are alike.
    """
    most = given.most_false_accepts
    if most is not None and not 0 <= most < 1:
        raise ConfigError(
            f"--most-false-accepts is {most:g}.",
            allowed="It is a part, from 0 to below 1, such as 0.05.",
        )
    ratings = read_ratings(given.ratings, field=given.field, least=0.0, most=1.0)
    registry = known_scorers(MEANING_SCORERS)
    name, scorer = make_scorer(read_scorer(given.scorer), registry, where="--scorer")
    scores = score_many(
        [rating.answer for rating in ratings],
        scorer,
        samples=[rating.sample for rating in ratings],
    )
    pairs = [
        (score.value, rating.value > _HALF)
        for score, rating in zip(scores, ratings, strict=True)
        if score.value is not None
    ]
    if len({is_same for _, is_same in pairs}) < len((True, False)):
        raise DataError(
            f"{given.ratings} has {len(pairs)} rated answers that are all alike.",
            allowed="A threshold separates right answers from wrong ones.",
            fix="Rate some of both.",
        )
    found = best_threshold(pairs, most_false_accepts=most)
    return Outcome(_lines(name, found, len(pairs), len(ratings) - len(pairs)))


def _lines(name: str, found: Threshold, n: int, unscored: int) -> list[str]:
    left_out = f", {unscored} without a value left out" if unscored else ""
    return [
        f"{name}: {n} rated answers{left_out}",
        f"at_least = {found.value:.4g}",
        f"AUC {found.auc:.3f}: the chance that a right answer has the higher value",
        *_errors("on the answers that chose it", found.errors),
        *_errors("on answers that did not, tenfold", found.tried),
    ]


def _errors(where: str, errors: Errors) -> Sequence[str]:
    accepts = _part(errors.false_accepts, errors.different, errors.accept_interval)
    rejects = _part(errors.false_rejects, errors.same, errors.reject_interval)
    return [
        f"{where}:",
        f"  wrong ones that pass  {accepts}",
        f"  right ones that fail  {rejects}",
    ]


def _part(count: int, of: int, interval: Interval | None) -> str:
    if interval is None:
        return "-"
    share = f"{count / of:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
    return f"{share}, {count} of {of}"
