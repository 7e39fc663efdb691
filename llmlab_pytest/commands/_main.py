"""The arguments of `llmlab`. It starts without pytest, a database toolkit or models."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from llmlab_pytest.commands import _cache
from llmlab_pytest.core import LlmlabError, load

_FAILED = 1
_WRONG_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: by default those of the command line.
    """
    given = _parser().parse_args(arguments)
    try:
        report: _cache.Outcome = given.act(given)
    except LlmlabError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return _WRONG_USE
    for line in report.lines:
        sys.stdout.write(f"{line}\n")
    return 0 if report.is_good else _FAILED


def _add_judge(judge: argparse.ArgumentParser) -> None:
    judge.add_argument(
        "ratings", type=Path, help="JSON lines: answer, rating, input, target, …"
    )
    judge.add_argument(
        "--scorer", required=True, help="name or JSON of a scorer that asks a judge"
    )
    judge.add_argument("--judge", required=True, metavar="MODEL", help="who judges")
    judge.add_argument(
        "--field", default="rating", help="field with people's rating (%(default)s)"
    )
    judge.add_argument(
        "--scale",
        default="0-1",
        help="from wrong to right, of ratings that are numbers (%(default)s)",
    )
    judge.add_argument("--out", type=Path, metavar="FILE", help="keep the comparison")
    judge.add_argument("--registry", type=Path, metavar="FILE", help="own models")
    judge.add_argument(
        "--allow-commands",
        action="store_true",
        help="run the commands that models take their keys from",
    )
    judge.set_defaults(act=_calibrate)


def _calibrate(given: argparse.Namespace) -> _cache.Outcome:
    """Load what judging needs only when it is asked for."""
    done: _cache.Outcome = load("llmlab_pytest.commands._judge:calibrate")(given)
    return done


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llmlab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_judge(commands.add_parser("judge", help="compare a judge with people"))
    cache = commands.add_parser("cache", help="look at cached answers, or remove some")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--dir",
        type=Path,
        default=Path(".llmlab", "cache"),
        help="the cache, as --llmlab-cache-dir names it (default: %(default)s)",
    )
    actions = cache.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, act: _cache.Action, text: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=text, parents=[shared])
        action.set_defaults(act=act)
        return action

    add("info", _cache.info, "how much is kept, by model")
    add("list", _cache.listing, "one line per answer, that used last first")
    add("verify", _cache.verify, "find damaged entries; exit code 1 if there are any")
    prune = add("prune", _cache.prune, "remove damaged, unused or too many answers")
    prune.add_argument("--older-than", metavar="AGE", help="not used for, e.g. 30d")
    prune.add_argument("--max-bytes", metavar="SIZE", help="keep at most, e.g. 500MB")
    return parser
