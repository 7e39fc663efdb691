"""`llmlab review`: a run against that of the base branch, as comment and exit code."""

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from llmlab_pytest.commands._arguments import LIST
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.comparing import Side, is_file, open_runs, sides_of
from llmlab_pytest.core import ConfigError, redact, shorten
from llmlab_pytest.metrics import default_metrics
from llmlab_pytest.reporting import read_told, told_of
from llmlab_pytest.reviewing import (
    Review,
    State,
    ToldBy,
    parse_margin,
    render_comment,
    review_runs,
)

_STORE = ".llmlab/llmlab.db"
_CODES: dict[State, int] = {"not worse": 0, "worse": 1, "inconclusive": 3, "error": 3}


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.set_defaults(act=review)
    parser.add_argument(
        "base",
        metavar="BASE",
        help="what the run is compared with: a run id, branch:main, commit:SHA, "
        "last~1, or a .jsonl file of --llmlab-samples",
    )
    parser.add_argument(
        "head",
        nargs="?",
        default="last",
        metavar="RUN",
        help="the run, named likewise (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the comment here as Markdown (default: print it)",
    )
    parser.add_argument(
        "--margin",
        default="2 points",
        metavar="NUMBER",
        help="how much worse is still not worse, e.g. 0.02 (default: %(default)s)",
    )
    parser.add_argument(
        "--inconclusive",
        choices=("fail", "pass"),
        default="fail",
        help="what it does to the exit code when the samples cannot tell "
        "(default: %(default)s, with 3)",
    )
    parser.add_argument(
        "--name", default="", help="tells several comments of a pull request apart"
    )
    _add_choices(parser)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        default=_STORE,
        metavar="URL",
        help="the store of the run, as --llmlab-store names it (default: %(default)s)",
    )
    parser.add_argument(
        "--base-store",
        metavar="URL",
        help="the store of the base (default: that of the run)",
    )
    parser.add_argument("--task", **LIST, metavar="TASK", help="only this; repeatable")
    parser.add_argument(
        "--metric",
        metavar="NAME",
        help="what to compare (default: the first metric of each task)",
    )
    parser.add_argument(
        "--lower-is-better",
        **LIST,
        metavar="METRIC",
        help="a scorer or metric of yours of which less is better; repeatable",
    )


def review(given: argparse.Namespace) -> Outcome:
    """Compare a run with the base, and write the comment.

    Raises:
        ConfigError: there is no such store, run, task or metric; the comment cannot be
            written.
        DataError: a file is no file of results.
        StoreError: a store cannot be read.
    """
    margin = parse_margin(given.margin)
    base_store = given.base_store or given.store
    head = sides_of([given.head], store=given.store)
    own_ids = () if is_file(given.head) else {side.source for side in head}
    base = sides_of([given.base], store=base_store, but_not=own_ids)
    registry = default_metrics()
    _check_tasks(given.task, [*base, *head])
    found = review_runs(
        _chosen(base, given),
        _chosen(head, given),
        registry,
        margin=margin,
        lower_is_better=given.lower_is_better,
    )
    text = render_comment(found, registry, _told, name=given.name)
    code = _CODES[found.state]
    if found.state == "inconclusive" and given.inconclusive == "pass":
        code = 0
    if given.out is None:
        return Outcome([text.rstrip("\n")], code=code)
    _write(given.out, text)
    return Outcome([*_lines(found), f"wrote {given.out}"], code=code)


def _check_tasks(wanted: Sequence[str], sides: Sequence[Side]) -> None:
    known = {side.task for side in sides}
    for name in wanted:
        if name not in known:
            raise ConfigError(
                f"--task is {name!r}, which neither run has.",
                allowed=f"They have: {', '.join(sorted(known)) or 'none'}.",
            )


def _chosen(sides: Sequence[Side], given: argparse.Namespace) -> list[Side]:
    """Return the sides of the tasks that are asked for, with the metric asked for."""
    wanted = [side for side in sides if not given.task or side.task in given.task]
    if given.metric is None:
        return wanted
    return [replace(side, metric=given.metric) for side in wanted]


def _told(side: Side, ids: Sequence[str]) -> ToldBy:
    """Read texts of samples from the store or file of their side."""
    if is_file(side.place):
        path = Path(side.place)
        told = list(read_told(path, task=side.task, model=side.model, sample_ids=ids))
    else:
        with closing(open_runs(side.place)) as store:
            records = store.records(
                side.source, task=side.task, model=side.model, sample_ids=ids
            )
        told = list(map(told_of, records))
    return {(each.sample_id, each.epoch): each for each in told}


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigError(
            f"--out {path} cannot be written: {error}.", fix="Correct the path."
        ) from error


def _lines(found: Review) -> list[str]:
    """Return a line per task and model, the most serious first."""
    lines = [f"{found.state}: margin {found.margin:g}"]
    for each in found.reviewed:
        now = each.compared.pair.second
        value = each.compared.found.value
        change = "" if value is None else f" {each.compared.found.metric} {value:+.3f}"
        lines.append(
            f"{shorten(now.task)} on {shorten(now.model)}: {each.state}{change}"
            f"{each.why and ': '}{shorten(redact(each.why), 200)}"
        )
    lines += [
        f"{shorten(side.task)} on {shorten(side.model)}: only in the base"
        for side in found.removed
    ]
    return lines
