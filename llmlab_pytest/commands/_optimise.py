"""`llmlab optimise`: a better prompt for a task card, or none is found."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmlab_pytest.asking import Asking, known_scorers
from llmlab_pytest.budget import parse_limits
from llmlab_pytest.commands._arguments import LIST, chance, count
from llmlab_pytest.commands._asking_options import (
    add_asking_options,
    check_budget,
    open_asking,
)
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.core import (
    Bench,
    Completion,
    ConfigError,
    ModelSpec,
    Request,
    escape_control,
    judging,
)
from llmlab_pytest.engine import Allowance
from llmlab_pytest.judging import JUDGE_SCORERS
from llmlab_pytest.meaning import MEANING_SCORERS
from llmlab_pytest.metrics import Difference
from llmlab_pytest.optimising import (
    Ask,
    Effort,
    Found,
    Measuring,
    Optimiser,
    Parts,
    Phase,
    check_card,
    largest_requests,
    split_samples,
    write_card,
)
from llmlab_pytest.prompts import evaluate
from llmlab_pytest.providers import is_free
from llmlab_pytest.reporting import aligned, score
from llmlab_pytest.scorers import make_scorer
from llmlab_pytest.tasks import PlannedTask, load_card, plan_task

_SMALLEST_P = 1e-4


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""

    def add(flag: str, text: str, **options: Any) -> None:
        parser.add_argument(flag, help=text, **options)

    add("card", "the card: NAME.task.toml", type=Path, metavar="CARD")
    add("--llm", "the model that answers", required=True, metavar="MODEL")
    add("--writer", "the model that proposes prompts", metavar="MODEL")
    add("--metric", "what is to grow (default: the card's first)", metavar="NAME")
    add("--lower-is-better", "what is to fall", action="store_true")
    add("--out", "the better card, beside it: NEW.task.toml", type=Path, metavar="FILE")
    add(
        "--held-out",
        "share of samples that judge at the end (%(default)s)",
        type=chance,
        default=0.4,
        metavar="SHARE",
    )
    add("--limit", "samples that are used at all", type=count, metavar="N")
    add("--rewritings", "of the writer (%(default)s)", type=count, default=6)
    add("--demonstration-sets", "to try (%(default)s)", type=count, default=4)
    add("--shots", "demonstrations of a set (%(default)s)", type=count, default=4)
    add("--seed", "of all that is drawn (%(default)s)", type=int, default=0)
    add("--judge", "model that judges; several are a jury", **LIST, metavar="MODEL")
    add("--data", "the folder of published rows", type=Path, metavar="DIR")
    add_asking_options(parser)
    parser.set_defaults(act=optimise)


def optimise(given: argparse.Namespace) -> Outcome:
    """Search, compare once, and write what is better.

    Raises:
        LlmlabError: the card, a model or a file cannot be used, or a call failed.
    """
    if given.out is not None:
        check_card(given.card, given.out)
    plan = _plan(given)
    clusters = _clusters(plan)
    parts = split_samples(
        plan.samples, clusters, held_out_ratio=given.held_out, seed=given.seed
    )
    registry = known_scorers(JUDGE_SCORERS, MEANING_SCORERS)
    task = plan.task
    scorers = [make_scorer(s, registry, where=task.where) for s in task.scorers]
    metric = given.metric or (*task.metrics, *(name for name, _ in scorers))[0]
    with open_asking(given) as asking:
        model, writer = _models(asking, given)
        with judging(_bench(asking, given)):
            ask = asyncio.run(_asker(asking, plan, parts, (model, writer), given))
            optimiser = Optimiser(
                Measuring(plan, model, scorers, ask),
                parts,
                metric=metric,
                effort=_effort(given),
                tell=_tell,
            )
            found = asyncio.run(optimiser.run(writer, ask, clusters))
        spent = asking.budget_lines()
    lines = [*_lines(found, parts), *spent]
    if found.is_better and found.finalist is not None and given.out is not None:
        files = write_card(given.card, given.out, found.finalist)
        lines.append(f"wrote {', '.join(map(str, files))}")
    return Outcome(lines, is_good=found.is_better)


def _plan(given: argparse.Namespace) -> PlannedTask:
    """Return the task with its samples.

    Raises:
        ConfigError: its answers are not written, it has no scorer, or it shows rows of
            the split that judges it.
    """
    task = load_card(given.card)
    if task.kind != "generate" or not task.scorers:
        raise ConfigError(
            f"{task.where} has the kind {task.kind!r} and {len(task.scorers)} scorers.",
            allowed="Prompts are improved where a model writes its answer, and a "
            "scorer says how good it is.",
        )
    how = task.demonstrations
    if how is not None and how.split is not None and how.split == task.data.split:
        raise ConfigError(
            f"{task.where} shows demonstrations of the split that it is judged on.",
            fix="Name another split, or a file, in its [demonstrations].",
        )
    return plan_task(task, limit=given.limit, seed=given.seed, data_dir=given.data)


def _clusters(plan: PlannedTask) -> Mapping[str, str]:
    """Return the cluster of each sample, where the card declares any."""
    expression = plan.task.cluster
    if expression is None:
        return {}
    return {
        sample.id: str(
            evaluate(
                expression,
                {"input": sample.input, **sample.metadata},
                where=plan.where(sample),
            )
        )
        for sample in plan.samples
    }


def _models(
    asking: Asking, given: argparse.Namespace
) -> tuple[ModelSpec, ModelSpec | None]:
    """Return who answers and who writes.

    Raises:
        ConfigError: one is unknown or several, or may cost money without a budget.
    """
    found: list[ModelSpec] = []
    for flag, name in (("--llm", given.llm), ("--writer", given.writer)):
        if name is None:
            continue
        specs = asking.find([name], where=flag)
        if len(specs) > 1:
            names = ", ".join(spec.alias for spec in specs)
            raise ConfigError(f"{flag} names {names}.", allowed="It is one model.")
        found += specs
    judges = asking.find(given.judge, where="--judge") if given.judge else []
    check_budget(given, *found, *judges)
    paid = [spec.alias for spec in (*found, *judges) if not is_free(spec)]
    if paid and not given.budget:
        raise ConfigError(
            f"{', '.join(paid)} may cost money, and a search asks often.",
            fix="Say what it may cost: --budget 2usd",
        )
    return found[0], found[1] if len(found) > 1 else None


def _bench(asking: Asking, given: argparse.Namespace) -> Bench:
    def judges(names: Sequence[str]) -> list[Any]:
        chosen = tuple(names) or tuple(given.judge)
        if not chosen:
            raise ConfigError(
                "A scorer asks a judge, and none is chosen.", fix="Add --judge MODEL."
            )
        found = asking.find(chosen, where="--judge")
        return [asking.judge(spec, where="--judge") for spec in found]

    return judges


async def _asker(
    asking: Asking,
    plan: PlannedTask,
    parts: Parts,
    models: tuple[ModelSpec, ModelSpec | None],
    given: argparse.Namespace,
) -> Ask:
    """Return how models are asked: the search leaves what the end may cost.

    Raises:
        ConfigError: the budget is too small for the end alone, or a price unknown.
    """
    model, _ = models
    limits = parse_limits("\n".join(given.budget), where="--budget")
    own = [
        limit.usd
        for limit in limits
        if limit.period == "run" and limit.model in (None, model.alias)
    ]
    allowance = None
    if own:
        largest = largest_requests(plan, parts, model, shots=given.shots)
        end_usd = await asking.worst_usd(model, largest)
        if end_usd >= min(own):
            raise ConfigError(
                f"The comparison at the end may cost {end_usd:.4f} usd, and the budget "
                f"is {min(own):g} usd.",
                fix="Raise it, or use fewer samples with --limit.",
            )
        allowance = Allowance("the search", min(own) - end_usd, is_shared=True)

    async def ask(spec: ModelSpec, request: Request, phase: Phase) -> Completion:
        money = allowance if phase == "search" else None
        return await asking.ask(spec, request, allowance=money)

    return ask


def _effort(given: argparse.Namespace) -> Effort:
    return Effort(
        rewritings=given.rewritings,
        demonstration_sets=given.demonstration_sets,
        shots=given.shots,
        seed=given.seed,
        is_lower_better=given.lower_is_better,
    )


def _tell(line: str) -> None:
    """Show how far the search is, where somebody may wait for it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{line}\n")


def _lines(found: Found, parts: Parts) -> list[str]:
    counts = [len(part) for part in parts]
    split = "{} samples make prompts, {} compare them, {} are held out"
    lines = [split.format(*counts)]
    if found.standings:
        rows = [["candidate", "value", "n"]]
        rows += [[s.candidate.name, score(s.value), f"{s.n}"] for s in found.standings]
        lines += aligned(rows, "<>>")
    lines += [f"note: {note}" for note in found.notes]
    if found.difference is None or found.finalist is None:
        return [*lines, "nothing better was found: there was nothing to compare"]
    lines.append(_told(found.difference, found.finalist.name))
    if not found.is_better:
        return [*lines, *_missed(found.difference)]
    shown = len(found.finalist.shown or ())
    with_them = f", with {shown} demonstrations" if shown else ""
    text = escape_control(found.finalist.prompt)
    return [*lines, f"{found.finalist.name} is better{with_them}; its prompt:", text]


def _told(apart: Difference, name: str) -> str:
    """Say what the comparison on what was held out gave."""
    interval = apart.interval
    ends = f" [{interval.low:+.3f}, {interval.high:+.3f}]" if interval else ""
    p = "" if apart.p is None else f", p {max(apart.p, _SMALLEST_P):.2g}"
    value = "-" if apart.value is None else f"{apart.value:+.3f}"
    return (
        f"held out, {apart.n} samples once: original {score(apart.second)}, {name} "
        f"{score(apart.first)}; difference {value}{ends}{p}"
    )


def _missed(apart: Difference) -> list[str]:
    lines = ["nothing better was found"]
    if apart.detectable is not None:
        least = f"{apart.detectable:.2f}"
        lines.append(f"{apart.n} samples find a difference of {least} 4 times in 5")
    return lines
