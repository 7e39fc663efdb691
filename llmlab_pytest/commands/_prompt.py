"""`llmlab prompt`: one prompt to several models, at once, side by side."""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from llmlab_pytest.asking import (
    DEFAULT_RUBRIC,
    FIRST_SEED,
    Answer,
    Asking,
    Decoding,
    Prompt,
    Try,
    Trying,
    asks_judge,
    check_path,
    known_scorers,
    read_scorer,
)
from llmlab_pytest.commands._arguments import LIST, count
from llmlab_pytest.commands._asking_options import (
    add_asking_options,
    check_budget,
    open_asking,
)
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.commands._screen import screen_for
from llmlab_pytest.core import (
    Bench,
    ConfigError,
    Image,
    ModelSpec,
    judging,
)
from llmlab_pytest.judging import JUDGE_SCORERS
from llmlab_pytest.meaning import MEANING_SCORERS
from llmlab_pytest.reporting import aligned, money
from llmlab_pytest.scorers import (
    Scorer,
    ScorerSpec,
    make_scorer,
)

_STDIN = "-"
_DEFAULT_MODEL = "smollm2"


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""

    def add(flag: str, text: str, **options: Any) -> None:
        parser.add_argument(flag, help=text, **options)

    add("text", "the prompt, a template; - or nothing: from standard input", nargs="?")
    add("--file", "a file with the prompt", type=Path, metavar="FILE")
    add("--var", "a variable of the template; repeatable", **LIST, metavar="NAME=VALUE")
    add("--system", "the system message", metavar="TEXT")
    add("--image", "a file or address; repeatable", **LIST, metavar="IMAGE")
    add("--llm", "model, as for pytest; repeatable", **LIST, metavar="MODEL")
    add("--repeat", "answers of each model (%(default)s)", type=count, default=1)
    add("--temperature", "0 is greedy, the default", type=float, metavar="T")
    add("--max-tokens", "of an answer", type=count, metavar="N")
    add("--seed", "of the first answer (%(default)s)", type=int, default=FIRST_SEED)
    add("--expect", "a text that right answers contain", metavar="TEXT")
    add("--target", "the reference, for scorers that need one", metavar="TEXT")
    add("--scorer", "name or JSON of a scorer; repeatable", **LIST, metavar="SCORER")
    add("--judge", "model that judges; several are a jury", **LIST, metavar="MODEL")
    add("--save", "keep it: NAME.task.toml or test_NAME.py", type=Path, metavar="FILE")
    add_asking_options(parser)
    parser.set_defaults(act=prompt)


def prompt(given: argparse.Namespace) -> Outcome:
    """Ask models, show each answer when it is there, and compare.

    Raises:
        LlmlabError: the prompt, a model or a scorer cannot be used.
        KeyboardInterrupt: Ctrl-C was pressed; what had come was shown.
    """
    asked = _read(given)
    specs = [*map(read_scorer, given.scorer)]
    if given.expect is not None:
        specs.append({"name": "contains_any", "keywords": [given.expect]})
    if given.judge and not any(asks_judge(spec) for spec in specs):
        specs.append(DEFAULT_RUBRIC)
    with open_asking(given) as asking:
        models = asking.find(given.llm or [_DEFAULT_MODEL], where="--llm")
        scorers = _made(specs)
        _check(asking, asked, given, needs_judge=any(map(asks_judge, specs)))
        trying = Trying(
            asking,
            asked,
            decoding=Decoding(given.max_tokens, given.temperature, given.seed),
            scorers=scorers,
            target=given.target,
        )
        judges = asking.find(given.judge, where="--judge") if given.judge else []
        check_budget(given, *models, *judges)
        bench = _bench(asking, given)
        answers, is_whole = asyncio.run(_all(trying, models, given.repeat, bench))
        lines = [*(_table(answers) if len(answers) > 1 else []), *asking.budget_lines()]
    if not is_whole:
        most = len(models) * given.repeat
        lines.append(f"stopped by Ctrl-C: {len(answers)} of {most} answers are whole")
        sys.stdout.write("\n".join([*lines, ""]))
        raise KeyboardInterrupt
    if given.save is not None:
        tried = Try(
            asked.template,
            asked.variables,
            system=asked.system,
            target=given.target,
            scorers=specs,
        )
        tried.save(given.save)
        lines.append(f"wrote {given.save}; run it: pytest {given.save}")
    wrong = [a for a in answers if a.error or any(s.value == 0.0 for s in a.scores)]
    return Outcome(lines, is_good=not wrong)


def _check(
    asking: Asking, asked: Prompt, given: argparse.Namespace, *, needs_judge: bool
) -> None:
    """Find mistakes before anything is asked.

    Raises:
        ConfigError: a judge is missing or unknown, or the file to save cannot be.
        DataError: a variable is missing.
    """
    _ = asked.text
    if given.judge:
        asking.find(given.judge, where="--judge")
    elif needs_judge:
        raise ConfigError(
            "A scorer asks a judge, and none is chosen.", fix="Add --judge MODEL."
        )
    if given.save is not None:
        check_path(given.save)


def _read(given: argparse.Namespace) -> Prompt:
    """Read the prompt from the command line, a file or standard input."""
    text = given.text
    if given.file is not None:
        if text is not None:
            raise ConfigError(
                "There is a prompt and --file.", allowed="One of them is the prompt."
            )
        try:
            text = given.file.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise ConfigError(
                f"--file {given.file} cannot be read: {error}.", fix="Correct the path."
            ) from error
    if text in (None, _STDIN):
        if sys.stdin.isatty():
            raise ConfigError("There is no prompt.", fix='llmlab prompt "Hello"')
        text = sys.stdin.read().rstrip("\n")
    images = [Image.of(source) for source in given.image]
    return Prompt(str(text), dict(map(_variable, given.var)), given.system, images)


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ConfigError(f"--var is {text!r}.", allowed="It is NAME=VALUE.")
    return name, value


def _made(specs: Sequence[ScorerSpec]) -> list[tuple[str, Scorer]]:
    registry = known_scorers(JUDGE_SCORERS, MEANING_SCORERS)
    return [make_scorer(spec, registry, where="--scorer") for spec in specs]


def _bench(asking: Asking, given: argparse.Namespace) -> Bench:
    def judges(names: Sequence[str]) -> list[Any]:
        chosen = tuple(names) or tuple(given.judge)
        found = asking.find(chosen, where="--judge")
        return [asking.judge(spec, where="--judge") for spec in found]

    return judges


async def _all(
    trying: Trying, models: Sequence[ModelSpec], epochs: int, bench: Bench
) -> tuple[list[Answer], bool]:
    """Ask everything at once and show it; also say whether all have answered.

    Ctrl-C ends it early: what has come stays on the screen.
    """
    asked = [(spec, number) for spec in models for number in range(epochs)]
    names = [spec.alias + (f" {n + 1}" if epochs > 1 else "") for spec, n in asked]
    answers: dict[int, Answer] = {}
    with judging(bench), screen_for(names) as screen:

        async def one(place: int) -> None:
            listener = screen.listener(place)
            answers[place] = await trying.answer(*asked[place], listener=listener)
            screen.end(place, answers[place])

        with suppress(asyncio.CancelledError):
            await asyncio.gather(*map(one, range(len(asked))))
    in_order = [answers[place] for place in sorted(answers)]
    return in_order, len(answers) == len(asked)


def _table(answers: Sequence[Answer]) -> list[str]:
    """Return a line per model: how good, how fast, how dear, how alike."""
    names = list(dict.fromkeys(s.scorer for a in answers for s in a.scores))
    head = ["model", "answers", *names, "median s", "cost"]
    rows = [head]
    for alias in dict.fromkeys(answer.spec.alias for answer in answers):
        own = [answer for answer in answers if answer.spec.alias == alias]
        rows.append([alias, _distinct(own), *_means(own, names), *_taken(own)])
    return aligned(rows, ["<"] + [">"] * (len(head) - 1))


def _distinct(answers: Sequence[Answer]) -> str:
    """Say how many there are, and how many different texts among them."""
    texts = [a.completion.text.strip() for a in answers if a.completion is not None]
    different = len(set(texts))
    told = f"{len(texts)}, {different} different" if len(texts) > 1 else f"{len(texts)}"
    failed = len(answers) - len(texts)
    return f"{told}, {failed} failed" if failed else told


def _means(answers: Sequence[Answer], names: Sequence[str]) -> list[str]:
    cells = []
    for name in names:
        values = [
            score.value
            for answer in answers
            for score in answer.scores
            if score.scorer == name and score.value is not None
        ]
        cells.append(f"{statistics.fmean(values):.3g}" if values else "-")
    return cells


def _taken(answers: Sequence[Answer]) -> list[str]:
    done = [answer.completion for answer in answers if answer.completion is not None]
    if not done:
        return ["-", "-"]
    costs = [completion.cost_usd for completion in done]
    cost_usd = None if None in costs else sum(filter(None, costs))
    middle_s = statistics.median(completion.latency_s for completion in done)
    return [f"{middle_s:.2f}", money(cost_usd)]
