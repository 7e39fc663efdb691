"""The arguments of `llmlab`. It starts without pytest, a database toolkit or models."""

import argparse
import sys
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from llmlab_pytest.commands import _cache
from llmlab_pytest.commands._outcome import Action, Outcome
from llmlab_pytest.core import LlmlabError, load

_LIST: dict[str, Any] = {"action": "append", "default": []}
_FAILED = 1
_WRONG_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: by default those of the command line.
    """
    given = _parser().parse_args(arguments)
    try:
        report: Outcome = given.act(given)
    except LlmlabError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return _WRONG_USE
    for line in report.lines:
        sys.stdout.write(f"{line}\n")
    return 0 if report.is_good else _FAILED


def _describe_judge(judge: argparse.ArgumentParser) -> None:
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


def _calibrate(given: argparse.Namespace) -> Outcome:
    """Load what judging needs only when it is asked for."""
    done: Outcome = load("llmlab_pytest.commands._judge:calibrate")(given)
    return done


def _describe_prompt(prompt: argparse.ArgumentParser) -> None:
    def add(flag: str, text: str, **options: Any) -> None:
        prompt.add_argument(flag, help=text, **options)

    add("text", "the prompt, a template; - or nothing: from standard input", nargs="?")
    add("--file", "a file with the prompt", type=Path, metavar="FILE")
    add(
        "--var", "a variable of the template; repeatable", **_LIST, metavar="NAME=VALUE"
    )
    add("--system", "the system message", metavar="TEXT")
    add("--image", "a file or address; repeatable", **_LIST, metavar="IMAGE")
    add("--llm", "model, as for pytest; repeatable", **_LIST, metavar="MODEL")
    add("--repeat", "answers of each model (%(default)s)", type=_count, default=1)
    add("--temperature", "0 is greedy, the default", type=float, metavar="T")
    add("--max-tokens", "of an answer", type=_count, metavar="N")
    add("--seed", "of the first answer (%(default)s)", type=int, default=1234)
    add("--expect", "a text that right answers contain", metavar="TEXT")
    add("--target", "the reference, for scorers that need one", metavar="TEXT")
    add("--scorer", "name or JSON of a scorer; repeatable", **_LIST, metavar="SCORER")
    add("--judge", "model that judges; several are a jury", **_LIST, metavar="MODEL")
    add("--save", "keep it: NAME.task.toml or test_NAME.py", type=Path, metavar="FILE")
    add("--registry", "the project's models", type=Path, metavar="FILE")
    add("--allow-commands", "let keys come from commands", action="store_true")
    prompt.set_defaults(act=_ask)


def _ask(given: argparse.Namespace) -> Outcome:
    done: Outcome = load("llmlab_pytest.commands._prompt:prompt")(given)
    return done


def _describe_threshold(threshold: argparse.ArgumentParser) -> None:
    threshold.add_argument(
        "ratings", type=Path, help="JSON lines: answer, target, rating, …"
    )
    threshold.add_argument(
        "--scorer",
        default="similarity",
        help="name or JSON of a scorer whose value is a number (%(default)s)",
    )
    threshold.add_argument(
        "--field", default="rating", help="field with people's rating (%(default)s)"
    )
    threshold.add_argument(
        "--most-false-accepts",
        type=float,
        metavar="PART",
        help="part of wrong answers that may pass (default: both errors weigh alike)",
    )
    threshold.set_defaults(act=_find_threshold)


def _find_threshold(given: argparse.Namespace) -> Outcome:
    done: Outcome = load("llmlab_pytest.commands._threshold:find_threshold")(given)
    return done


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llmlab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _describe_prompt(commands.add_parser("prompt", help="ask models at once"))
    _describe_judge(commands.add_parser("judge", help="compare a judge with people"))
    _describe_threshold(
        commands.add_parser(
            "threshold", help="from which value of a scorer on an answer passes"
        )
    )
    _describe_cache(
        commands.add_parser("cache", help="look at cached answers, or remove some")
    )
    _describe_prices(
        commands.add_parser(
            "prices", help="what models cost; where another source says otherwise"
        )
    )
    _describe_compare(
        commands.add_parser(
            "compare", help="runs, or models of one run, side by side, paired by sample"
        )
    )
    _describe_power(
        commands.add_parser("power", help="how many samples a question takes")
    )
    return parser


def _describe_power(power: argparse.ArgumentParser) -> None:
    power.set_defaults(act=_power)
    power.add_argument("--rate", type=float, help="a model's true rate, e.g. 0.85")
    power.add_argument("--bound", type=float, help="the number of a gate, e.g. 0.8")
    power.add_argument("--difference", type=float, help="of two models' rates")
    power.add_argument(
        "--discordant",
        type=float,
        metavar="SHARE",
        help="of the samples that only one of the two has right",
    )
    power.add_argument("--n", type=_count, help="also: what so many samples do")
    power.add_argument(
        "--confidence", type=_chance, default=0.95, help="(default: %(default)s)"
    )
    power.add_argument(
        "--power",
        type=_chance,
        default=0.8,
        help="how likely the decision is wanted (default: %(default)s)",
    )


def _power(given: argparse.Namespace) -> Outcome:
    """Run the command; only it needs the statistics."""
    outcome: Outcome = load("llmlab_pytest.commands._power:power")(given)
    return outcome


def _describe_compare(compare: argparse.ArgumentParser) -> None:
    compare.set_defaults(act=_compare)
    compare.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="a run id, last, last~1, or a .jsonl file of --llmlab-samples; the first "
        "is what others are compared with (default: list the runs)",
    )
    compare.add_argument(
        "--store",
        default=".llmlab/llmlab.db",
        metavar="URL",
        help="the store, as --llmlab-store names it (default: %(default)s)",
    )
    compare.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="TASK",
        help="only this task; repeatable",
    )
    compare.add_argument(
        "--metric",
        metavar="NAME",
        help="what to compare (default: the first metric of each task)",
    )
    compare.add_argument(
        "--correct",
        choices=("holm", "fdr"),
        default="holm",
        help="p values for the chance of any false find (holm), or for the part of "
        "finds that are false (fdr; default: %(default)s)",
    )


def _compare(given: argparse.Namespace) -> Outcome:
    """Run the command; only it needs the stores and the statistics."""
    outcome: Outcome = load("llmlab_pytest.commands._compare:compare")(given)
    return outcome


def _describe_cache(cache: argparse.ArgumentParser) -> None:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--dir",
        type=Path,
        default=Path(".llmlab", "cache"),
        help="the cache, as --llmlab-cache-dir names it (default: %(default)s)",
    )
    actions = cache.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, act: Action, text: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=text, parents=[shared])
        action.set_defaults(act=act)
        return action

    add("info", _cache.info, "how much is kept, by model")
    add("list", _cache.listing, "one line per answer, that used last first")
    add("verify", _cache.verify, "find damaged entries; exit code 1 if there are any")
    prune = add("prune", _cache.prune, "remove damaged, unused or too many answers")
    prune.add_argument("--older-than", metavar="AGE", help="not used for, e.g. 30d")
    prune.add_argument("--max-bytes", metavar="SIZE", help="keep at most, e.g. 500MB")


def _describe_prices(prices: argparse.ArgumentParser) -> None:
    prices.set_defaults(act=_prices)
    prices.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="as --llm takes it (default: every registered model of a vendor)",
    )
    prices.add_argument(
        "--registry",
        type=Path,
        metavar="FILE",
        help="the project's models (default: llmlab_models.toml here, if present)",
    )
    prices.add_argument(
        "--compare",
        type=Path,
        metavar="FILE",
        help="a second list, of OpenRouter, models.dev or litellm; exit code 1 if a "
        "price differs",
    )
    prices.add_argument(
        "--as",
        dest="names",
        action="append",
        default=[],
        metavar="MODEL=NAME",
        help="what the second list calls a model; repeatable",
    )
    prices.add_argument(
        "--tolerance",
        type=_ratio,
        default=0.0,
        metavar="RATIO",
        help="by how much of the dearer price two may differ, e.g. 0.05 (default: 0)",
    )


def _prices(given: argparse.Namespace) -> Outcome:
    """Run the command; only it needs the room of models and their registry."""
    outcome: Outcome = load("llmlab_pytest.commands._prices:prices")(given)
    return outcome


def _count(text: str) -> int:
    """Read a whole number from 1 on.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        msg = f"{text!r} is no whole number from 1 on"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _chance(text: str) -> float:
    """Read a number between 0 and 1, both excluded.

    Raises:
        ArgumentTypeError: it is none.
    """
    ratio = _ratio(text)
    if not 0 < ratio < 1:
        msg = f"{text!r} does not lie between 0 and 1"
        raise argparse.ArgumentTypeError(msg)
    return ratio


def _ratio(text: str) -> float:
    """Read a number from 0 on.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not isfinite(ratio) or ratio < 0:
        msg = f"{text!r} is no number from 0 on, e.g. 0.05"
        raise argparse.ArgumentTypeError(msg)
    return ratio
