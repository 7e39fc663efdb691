"""`llmlab history`: what the runs of a store cost, or scored, over time."""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date

from llmlab_pytest.budget import BudgetStanding, parse_limits, parse_share, standings
from llmlab_pytest.commands._arguments import LIST, count
from llmlab_pytest.commands._csv import csv_lines
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.commands._scores import score_lines
from llmlab_pytest.comparing import open_runs
from llmlab_pytest.core import ConfigError, Json, shorten
from llmlab_pytest.history import KINDS, Chosen, Line, lines_of, series_of
from llmlab_pytest.metrics import default_metrics
from llmlab_pytest.reporting import aligned, money
from llmlab_pytest.store import Store

_WIDTH = 48
_BAR = 20
_EIGHTHS = " ▏▎▍▌▋▊▉"
_HEAD = ("runs", "samples", "calls", "kept", "input", "output", "cost")
_VARIABLE = "LLMLAB_BUDGET"


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.set_defaults(act=history)
    parser.add_argument(
        "--by", choices=tuple(KINDS), default="day", help="a line for each (day)"
    )
    parser.add_argument(
        "--scores",
        action="store_true",
        help="scores by run instead, and which of them changed",
    )
    parser.add_argument(
        "--runs",
        type=count,
        default=10,
        metavar="N",
        help="with --scores: the latest so many finished runs (default: %(default)s)",
    )
    parser.add_argument("--since", default="", metavar="DATE", help="YYYY-MM-DD, UTC")
    parser.add_argument("--task", **LIST, metavar="TASK", help="only this; repeatable")
    parser.add_argument("--model", **LIST, metavar="MODEL", help="likewise, by alias")
    parser.add_argument(
        "--store",
        default=".llmlab/llmlab.db",
        metavar="URL",
        help="the store, as --llmlab-store names it (default: %(default)s)",
    )
    parser.add_argument(
        "--budget",
        action="append",
        metavar="LIMIT",
        help="a limit of a day or month, as --llmlab-budget takes it: how much is "
        f"spent of it (default: {_VARIABLE})",
    )
    parser.add_argument(
        "--alert",
        metavar="PERCENT",
        help="exit code 1 if this part of a budget is spent, e.g. 80%%; with --scores: "
        "if a score changed, whatever is given",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help="print JSON")
    kind.add_argument("--csv", action="store_true", help="print CSV")


def history(given: argparse.Namespace) -> Outcome:
    """Show costs, or scores, over time.

    Raises:
        ConfigError: there is no such store, or a date or limit cannot be read.
        StoreError: the store cannot be read.
    """
    since = _day(given.since)
    chosen = Chosen(since=since, tasks=tuple(given.task), models=tuple(given.model))
    with closing(open_runs(given.store)) as store:
        if given.scores:
            return _scores(store, given, since)
        lines = lines_of(store, given.by, chosen)
        budgets = _standings(store, given.budget)
    is_good = True
    if given.alert is not None:
        share = parse_share(given.alert, where="--alert")
        is_good = all(each.spent_ratio < share for each in budgets)
    if given.json:
        content = {
            "by": given.by,
            "lines": [_fields(line) for line in lines],
            "budgets": [_budget_fields(each) for each in budgets],
        }
        return Outcome([json.dumps(content)], is_good)
    if given.csv:
        return Outcome(_csv(lines, given.by), is_good)
    told = [*_table(lines, given.by), *map(_budget_line, budgets)]
    return Outcome(told, is_good)


def _scores(store: Store, given: argparse.Namespace, since: str) -> Outcome:
    runs = [run for run in store.runs(limit=None) if run.finished_at is not None]
    chosen = [run for run in runs if run.started_at >= since][: given.runs]
    series = series_of(
        chosen[::-1],
        default_metrics(),
        store=given.store,
        tasks=given.task,
        models=given.model,
    )
    told, is_changed = score_lines(series, as_json=given.json, as_csv=given.csv)
    return Outcome(told, is_good=not (is_changed and given.alert is not None))


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise ConfigError(
            f"--since is {text!r}.", allowed="It takes a day as 2026-11-30."
        ) from error


def _standings(store: Store, given: Sequence[str] | None) -> tuple[BudgetStanding, ...]:
    """Return how the limits of today and this month stand; a run has its own."""
    text, where = os.environ.get(_VARIABLE, ""), f"env {_VARIABLE}"
    if given is not None:
        text, where = "\n".join(given), "--budget"
    limits = [
        limit for limit in parse_limits(text, where=where) if limit.period != "run"
    ]
    return standings(store.ledger, limits, run_id="")


def _table(lines: Sequence[Line], kind: str) -> list[str]:
    if not lines:
        return ["no run, or none that is chosen"]
    most = max(line.cost_usd for line in lines)
    cells = [[kind, *_HEAD, ""]]
    cells += [
        [
            shorten(line.name, _WIDTH),
            f"{len(line.runs)}",
            f"{line.samples:,}",
            f"{line.calls:,}",
            f"{line.kept:,}",
            f"{line.input_tokens:,}",
            f"{line.output_tokens:,}",
            _cost(line),
            _bar(line.cost_usd / most if most else 0.0),
        ]
        for line in lines
    ]
    total = sum(line.cost_usd for line in lines)
    unpriced = sum(line.unpriced for line in lines)
    rest = f", and {unpriced:,} calls whose price nobody knows" if unpriced else ""
    return [*aligned(cells, "<>>>>>>><"), f"in all {money(total)}{rest}"]


def _cost(line: Line) -> str:
    """Return what is known; calls without a price are no dollars and not none."""
    if not line.unpriced:
        return money(line.cost_usd)
    known = f"{money(line.cost_usd)} + " if line.cost_usd else ""
    return f"{known}{line.unpriced:,} x ?"


def _bar(share: float) -> str:
    """Return a bar of at most 20 characters, to an eighth of one."""
    eighths = round(share * _BAR * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def _budget_line(each: BudgetStanding) -> str:
    limit, left = each.limit, max(0.0, each.limit.usd - each.spent_usd)
    held = each.balance.held_nano_usd
    text = (
        f"budget {limit}: {money(each.spent_usd)} spent ({each.spent_ratio:.0%}), "
        f"{money(left)} left"
    )
    return f"{text}, part of it held by calls on their way" if held else text


def _fields(line: Line) -> Mapping[str, Json]:
    return {
        "name": line.name,
        "runs": len(line.runs),
        "samples": line.samples,
        "calls": line.calls,
        "kept": line.kept,
        "input_tokens": line.input_tokens,
        "output_tokens": line.output_tokens,
        "cost_usd": line.cost_usd,
        "unpriced_calls": line.unpriced,
    }


def _budget_fields(each: BudgetStanding) -> Mapping[str, Json]:
    return {
        "limit": str(each.limit),
        "limit_usd": each.limit.usd,
        "spent_usd": each.spent_usd,
        "left_usd": max(0.0, each.limit.usd - each.spent_usd),
    }


def _csv(lines: Sequence[Line], kind: str) -> list[str]:
    rows = [_fields(line) for line in lines]
    head = [kind, *list(_fields(Line("")))[1:]]
    return csv_lines([head, *(list(row.values()) for row in rows)])
