"""`llmlab compare`: runs, or the models of one run, side by side on the same samples.

Every comparison is paired. Their p values are corrected together: of ten comparisons of
equal models four in ten would else show some difference at 5 %.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from llmlab_pytest.commands._arguments import chance
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.comparing import (
    Bar,
    Compared,
    Side,
    compare_pairs,
    names_of,
    pairs_of,
    prompt_sides,
    run_lines,
    side_by_side,
    sides_of,
)
from llmlab_pytest.core import ConfigError, TaskPlan, shorten
from llmlab_pytest.metrics import (
    Difference,
    MetricRegistry,
    build_row,
    default_metrics,
)
from llmlab_pytest.reporting import (
    SideBySide,
    aligned,
    money,
    p_value,
    render_side_by_side,
    render_side_json,
    render_side_markdown,
    render_side_page,
    score,
    seconds,
)
from llmlab_pytest.stats import benjamini_hochberg, holm

_MOST_IDS = 8
_WIDTH = 40
_SIDES = ("task", "model", "metric", "value", "95% interval", "n", "err", "cost", "p50")
_CHANGES = (
    *("task", "model", "against", "difference", "95% interval"),
    *("higher", "lower", "same", "p"),
)
_FILES = {"--html": "a page", "--markdown": "Markdown", "--json": "JSON"}
_CORRECTIONS = {"holm": ("p (Holm)", holm), "fdr": ("p (FDR)", benjamini_hochberg)}
"""Heading and function by the word of `--correct`."""


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.set_defaults(act=compare)
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="a run id, last, last~1, or a .jsonl file of --llmlab-samples; the first "
        "is what others are compared with (default: list the runs)",
    )
    parser.add_argument(
        "--store",
        default=".llmlab/llmlab.db",
        metavar="URL",
        help="the store, as --llmlab-store names it (default: %(default)s)",
    )
    parser.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="TASK",
        help="only this task; repeatable",
    )
    parser.add_argument(
        "--metric",
        metavar="NAME",
        help="what to compare (default: the first metric of each task)",
    )
    parser.add_argument(
        "--correct",
        choices=("holm", "fdr"),
        default="holm",
        help="p values for the chance of any false find (holm), or for the part of "
        "finds that are false (fdr; default: %(default)s)",
    )
    parser.add_argument(
        "--margin",
        type=chance,
        default=0.02,
        help="how much less quality than the best the cheapest model may have to be "
        "advised (default: %(default)s)",
    )
    parser.add_argument(
        "--confidence",
        type=chance,
        default=0.95,
        help="with which that has to be shown (default: %(default)s)",
    )
    parser.add_argument(
        "--signal",
        action="append",
        default=[],
        metavar="SCORER",
        help="a scorer that needs no target: where a model's score is low, a cascade "
        "asks the best one; repeatable",
    )
    for flag, what in _FILES.items():
        parser.add_argument(
            flag, type=Path, metavar="FILE", help=f"write models side by side as {what}"
        )


def compare(given: argparse.Namespace) -> Outcome:
    """Compare runs, files or models; without any, list the runs there are.

    Raises:
        ConfigError: there is no such store, run, task or metric, or nothing to compare.
        DataError: a file is no file of results.
        StoreError: the store cannot be read.
    """
    if not given.runs:
        return Outcome(run_lines(given.store))
    sides = sides_of(given.runs, store=given.store)
    if given.metric is not None:
        sides = [replace(side, metric=given.metric) for side in sides]
    sides = _of_tasks(sides, given.task)
    _check_signals(sides, given.signal)
    beside = [*sides, *prompt_sides(sides)]
    pairs = pairs_of(beside)
    if not pairs:
        known = sorted({f"{side.task} on {side.model}" for side in sides})
        raise ConfigError(
            f"llmlab compare has nothing to compare in {', '.join(given.runs)}: "
            f"{', '.join(known)}.",
            allowed="It compares several models of one run, or a task of several runs.",
        )
    registry = default_metrics()
    heading, correct = _CORRECTIONS[given.correct]
    compared = compare_pairs(pairs, registry, correct)
    changes = _change_lines(compared, heading)
    lines = [*_side_lines(sides, registry), "", *changes, ""]
    lines += [line for each in compared for line in _flips(each)]
    lines += _notes(compared, heading)
    bar = Bar(margin=given.margin, confidence=given.confidence)
    found = side_by_side(beside, compared, bar, signals=given.signal)
    if found is not None:
        lines += ["", *render_side_by_side(found)]
    return Outcome([*lines, *_written(given, found)])


def _written(given: argparse.Namespace, found: SideBySide | None) -> list[str]:
    """Write the files that are asked for; say which.

    Raises:
        ConfigError: there is nothing to write, or a file cannot be written.
    """
    lines = []
    for flag in _FILES:
        path = getattr(given, flag.removeprefix("--"))
        if path is None:
            continue
        if found is None:
            raise ConfigError(
                f"{flag} has no models to set side by side.",
                allowed="A task of the named runs has two models, or one in two runs.",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(_parts(flag, found, given.runs)), encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{flag} cannot write {str(path)!r}: {error}",
                fix="Name a file in a folder that you may write to.",
            ) from error
        lines.append(f"{flag} wrote {path}")
    return lines


def _parts(flag: str, found: SideBySide, runs: Sequence[str]) -> Iterable[str]:
    if flag == "--json":
        return [render_side_json(found)]
    if flag == "--markdown":
        return render_side_markdown(found)
    return render_side_page(found, title=f"llmlab compare {' '.join(runs)}")


def _of_tasks(sides: Sequence[Side], wanted: Sequence[str]) -> list[Side]:
    known = sorted({side.task for side in sides})
    for name in wanted:
        if name not in known:
            raise ConfigError(
                f"--task is {name!r}, which none of the runs has.",
                allowed=f"They have: {', '.join(known)}.",
            )
    return [side for side in sides if not wanted or side.task in wanted]


def _check_signals(sides: Sequence[Side], wanted: Sequence[str]) -> None:
    """Refuse a signal that no result has, and one that is what quality is.

    Raises:
        ConfigError: there is such a signal.
    """
    results = [result for side in sides for result in side.results]
    known = {score.scorer for result in results for score in result.scores}
    measured = {side.metric for side in sides}
    measured |= {result.scores[0].scorer for result in results if result.scores}
    for name in wanted:
        if name not in known - measured:
            others = ", ".join(sorted(known - measured)) or "none"
            raise ConfigError(
                f"--signal is {name!r}, which is no further scorer of these results.",
                allowed=f"They have: {others}. A signal looks at no target, so that it "
                "is known before anybody says what is right.",
            )


def _side_lines(sides: Sequence[Side], registry: MetricRegistry) -> list[str]:
    cells = [list(_SIDES)]
    names = _names(sides)
    for side, name in zip(sides, names, strict=True):
        row = build_row(_plan(side), side.results, registry, clusters=side.clusters)
        (metric,) = row.metrics
        ends = metric.interval
        cells.append(
            [
                shorten(side.task, _WIDTH),
                name,
                side.metric,
                score(metric.value),
                f"[{score(ends.low)}, {score(ends.high)}]" if ends else "-",
                f"{metric.n}",
                f"{row.errors}",
                money(row.cost_usd),
                seconds(row.latency_p50_s),
            ]
        )
    return aligned(cells, "<<<>>>>>>")


def _plan(side: Side) -> TaskPlan:
    """Return a plan of what is there, for a row of one metric."""
    count = len(side.results)
    return TaskPlan(
        task=side.task,
        model=side.model,
        planned=count,
        available=count,
        metrics=(side.metric,),
    )


def _names(sides: Sequence[Side]) -> list[str]:
    return [shorten(name, _WIDTH) for name in names_of(sides)]


def _change_lines(compared: Sequence[Compared], heading: str) -> list[str]:
    cells = [[*_CHANGES, heading, "finds"]]
    for each in compared:
        found = each.found
        first, second = _names(each.pair)
        cells.append(
            [
                shorten(each.pair.second.task, _WIDTH),
                second,
                first,
                _signed(found.value),
                _span(found),
                *_counts(found),
                p_value(found.p),
                p_value(each.corrected_p),
                _finds(each),
            ]
        )
    return aligned(cells, "<<<>>>>>>>>")


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def _span(found: Difference) -> str:
    ends = found.interval
    return f"[{ends.low:+.3f}, {ends.high:+.3f}]" if ends else "-"


def _counts(found: Difference) -> list[str]:
    if not found.is_paired:
        return ["-", "-", "-"]
    return [f"{len(found.wins)}", f"{len(found.losses)}", f"{found.ties}"]


def _finds(each: Compared) -> str:
    return "" if each.finds is None else f"{each.finds:.3f}"


def _flips(each: Compared) -> list[str]:
    """Name the samples that changed, a line for each direction."""
    found = each.found
    first, second = _names(each.pair)
    where = f"{shorten(each.pair.second.task, _WIDTH)}: {second} against {first}"
    lines = [
        f"{where}, {direction}: {_named(ids)}"
        for direction, ids in (("higher", found.wins), ("lower", found.losses))
        if ids
    ]
    if each.left_out:
        lines.append(f"{where}: {each.left_out} samples are not in both, or differ")
    return lines


def _named(ids: Sequence[str]) -> str:
    more = ", …" if len(ids) > _MOST_IDS else ""
    return ", ".join(shorten(name, _WIDTH) for name in ids[:_MOST_IDS]) + more


def _notes(compared: Sequence[Compared], heading: str) -> list[str]:
    """Say what the columns mean, those that are there."""
    tested = sum(each.corrected_p is not None for each in compared)
    lines = []
    if tested > 1:
        lines.append(f"{heading}: corrected for {tested} comparisons")
    if any(map(_finds, compared)):
        lines.append(
            "finds: the smallest difference that so many samples find 4 times in 5"
        )
    return lines
