"""What sending each sample to one of two models would have given, by what it is.

A router looks at a sample before anybody is asked (RouteLLM; Ong et al. 2024,
arXiv:2406.18665), here at the group that its task declares, and at the length of its
prompt. Other fields of its row are not looked at: the target may be among them. The
oracle sends a sample to the dear model exactly where that is better.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from llmlab_pytest.comparing._panel import Panel, Seat
from llmlab_pytest.comparing._rules import (
    Rule,
    by_threshold,
    halves,
    oracle,
    pairs_to_best,
)
from llmlab_pytest.core import shorten
from llmlab_pytest.reporting import Cascade

_MOST_NAMED = 4
_NAME_CHARS = 24
Pair = tuple[Seat, Seat]


def routers_of(panel: Panel, *, margin: float) -> tuple[Cascade, ...]:
    """Return routers between each cheaper model and the best one that ask both.

    Args:
        panel: of one task.
        margin: on the half that it is chosen on, a router loses less than this against
            the best model, if it can.
    """
    found = []
    for pair in pairs_to_best(panel):
        rules = _by_group(panel, pair, margin) + _by_length(pair)
        tried = [by_threshold(panel, pair, rule, margin) for rule in rules]
        if routers := [own for own in tried if own and 0 < own.asked_second < 1]:
            found += [oracle(panel, pair, is_router=True), *routers]
    return tuple(found)


def _by_length(pair: Pair) -> list[Rule]:
    """Return the rule that asks the second where the prompt is long, if any is."""
    first, _ = pair
    tokens = [results[0].usage.input_tokens for results in first.epochs]
    if len(set(tokens)) <= 1:
        return []
    return [_rule(first, "input tokens above", [-own for own in tokens], sign=-1)]


def _by_group(panel: Panel, pair: Pair, margin: float) -> list[Rule]:
    """Return the rule that asks the second in groups where the first is worse, if any.

    What is true of a group is found on the half that rules are chosen on.
    """
    if len(set(panel.groups)) <= 1:
        return []
    first, second = pair
    chosen_on, _ = halves(panel.clusters)
    behind: dict[str, list[float]] = {}
    for n in chosen_on:
        lost = second.quality[n] - first.quality[n]
        behind.setdefault(panel.groups[n], []).append(lost)
    # One that is not known goes to the best model.
    kept = {name for name, lost in behind.items() if fmean(lost) < margin}
    others = sorted({name for name in panel.groups if name not in kept})
    if not kept or not others:
        return []
    named = ", ".join(
        shorten(name or "-", _NAME_CHARS) for name in others[:_MOST_NAMED]
    )
    more = f" and {len(others) - _MOST_NAMED} more" if others[_MOST_NAMED:] else ""
    signal = [float(name in kept) for name in panel.groups]
    return [replace(_rule(first, f"group {named}{more}", signal), is_final=True)]


def _rule(first: Seat, text: str, signal: Sequence[float], *, sign: int = 1) -> Rule:
    return Rule(
        text=text,
        signal=tuple(map(float, signal)),
        kept=first.quality,
        kept_usd=tuple(first.costs_usd or ()),
        sign=sign,
        is_router=True,
    )
