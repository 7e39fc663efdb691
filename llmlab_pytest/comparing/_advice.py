"""The cheapest model that is not worse than the best by a margin, if there is evidence.

A model is good enough once every other model is shown to be better by less than the
margin, each by a one-sided test of its own: all have to hold, so that none needs a
correction for the others (intersection-union; Berger 1982, Technometrics 24). Which
model is advised is chosen after looking, and any of k - 1 could be wrongly chosen, the
best never: each test has the level (1 - confidence) / (k - 1). So the chance that a
model is advised which is worse than the best by the margin is at most 1 - confidence,
however many there are and whatever their prices. The tests are those of non-inferiority
by Tango's interval for right and wrong (Tango 1998), else Student's.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

from llmlab_pytest.comparing._panel import Panel
from llmlab_pytest.comparing._standings import mean_of_intervals
from llmlab_pytest.metrics import difference_interval
from llmlab_pytest.reporting import Advice, dollars, money
from llmlab_pytest.stats import clustered_stderr, samples_for_mean


class Bar(NamedTuple):
    """How much worse than the best may do, and how sure that has to be."""

    margin: float = 0.02
    """Of the quality, 0 to 1."""
    confidence: float = 0.95
    """One-sided, for all models together."""


class _Offer(NamedTuple):
    """A model by what a sample takes on it, in the order of preference."""

    cost_usd: float
    spent_s: float
    place: int
    """In the panels."""
    name: str


class _Gap(NamedTuple):
    """How much better another model is than a candidate."""

    other: int
    value: float
    high: float | None
    """The upper bound; `None` where samples cannot tell."""
    stderr: float
    """Standard error of the value."""


def advise(panels: Sequence[Panel], bar: Bar) -> Advice:
    """Return which model to take for one task, or for the mean over several.

    Args:
        panels: one per task, with the same models in the same order.
        bar: what is asked of the model.
    """
    offers = _by_price(panels)
    if not offers:
        return _answer(bar, None, "what a sample costs is known of no model")
    candidate: tuple[_Offer, Sequence[_Gap]] | None = None
    for offer in offers:
        gaps = _gaps(panels, offer.place, bar)
        if all(gap.high is not None and gap.high < bar.margin for gap in gaps):
            found = _shown(offer, gaps, panels, bar)
            return _with_candidate(_answer(bar, offer, found), candidate, panels, bar)
        if candidate is None and all(gap.value < bar.margin for gap in gaps):
            candidate = offer, gaps
    nothing = f"not enough evidence at {100 * bar.confidence:.4g}% confidence"
    return _with_candidate(_answer(bar, None, nothing), candidate, panels, bar)


def _answer(bar: Bar, offer: _Offer | None, reason: str) -> Advice:
    return Advice(
        model=offer and offer.name,
        margin=bar.margin,
        confidence=bar.confidence,
        reason=reason,
    )


def _by_price(panels: Sequence[Panel]) -> list[_Offer]:
    """Return the models whose cost is known, the cheapest first.

    Of models that cost the same, as those on this machine, the one that computes or
    answers in less time comes first.
    """
    found = []
    for place in range(len(panels[0].seats)):
        seats = [panel.seats[place] for panel in panels]
        costs = [seat.costs_usd for seat in seats]
        known = [fmean(own) for own in costs if own is not None]
        if len(known) == len(costs):
            spent_s = fmean(
                taken.compute_s or taken.latency_s or 0.0
                for seat in seats
                for taken in seat.taken
            )
            found.append(_Offer(fmean(known), spent_s, place, seats[0].name))
    return sorted(found)


def _gaps(panels: Sequence[Panel], place: int, bar: Bar) -> list[_Gap]:
    """Return how much better each other model is than the one at a place."""
    level = (1 - bar.confidence) / (len(panels[0].seats) - 1)
    return [
        _gap(panels, other, place, 1 - 2 * level)
        for other in range(len(panels[0].seats))
        if other != place
    ]


def _gap(panels: Sequence[Panel], other: int, place: int, confidence: float) -> _Gap:
    """Return the mean difference over tasks with its upper bound."""
    parts, stderrs, value = [], [], 0.0
    for panel in panels:
        pairs = zip(panel.seats[other].quality, panel.seats[place].quality, strict=True)
        apart = [one - own for one, own in pairs]
        value += fmean(apart) / len(panels)
        stderrs.append(_stderr(apart, panel.clusters))
        found = difference_interval(apart, panel.clusters, confidence=confidence)
        if found is not None:
            parts.append((fmean(apart), found))
    high = mean_of_intervals(parts).high if len(parts) == len(panels) else None
    return _Gap(other, value, high, math.hypot(*stderrs) / len(panels))


def _stderr(apart: Sequence[float], clusters: Sequence[str]) -> float:
    """Return the error of a mean difference, as if one sample differed at least."""
    found = clustered_stderr(apart, clusters)
    return max(1 / len(apart), found.stderr if found else 0.0)


def _shown(
    offer: _Offer, gaps: Sequence[_Gap], panels: Sequence[Panel], bar: Bar
) -> str:
    """Say why a model is advised."""
    closest = max(gaps, key=lambda gap: gap.high or 0.0)
    other, high = panels[0].seats[closest.other].name, closest.high or 0.0
    return (
        f"{_named(offer)}, is the cheapest shown to be less than {bar.margin:g} below "
        f"the best, at {100 * bar.confidence:.4g}% confidence: "
        f"{_below(closest.value)} against {other}, at worst {_below(high)}"
    )


def _named(offer: _Offer) -> str:
    return f"{offer.name}, {dollars(offer.cost_usd)} a sample"


def _below(ahead: float) -> str:
    """Return what a model is to another that is ahead of it: -0.012."""
    return f"{0.0 - ahead:+.3f}"


def _with_candidate(
    advice: Advice,
    candidate: tuple[_Offer, Sequence[_Gap]] | None,
    panels: Sequence[Panel],
    bar: Bar,
) -> Advice:
    """Add which cheaper model more samples may show to be good enough."""
    if candidate is None:
        return advice
    offer, gaps = candidate
    open_gaps = [gap for gap in gaps if gap.high is None or gap.high >= bar.margin]
    if any(gap.high is None for gap in open_gaps):
        unknown = f"{offer.name} may do, but too few clusters differ to say more"
        return replace(
            advice, reason=f"{advice.reason}; {unknown}", candidate=offer.name
        )
    n = sum(len(panel.sample_ids) for panel in panels)
    level = (1 - bar.confidence) / len(gaps)
    needed = max(
        samples_for_mean(
            bar.margin - gap.value, gap.stderr * math.sqrt(n), confidence=1 - 2 * level
        )
        or 0
        for gap in open_gaps
    )
    more = max(1, needed - n)
    places = [offer.place, *(gap.other for gap in open_gaps)]
    one_usd = _cost_usd(panels, places)
    total_usd = None if one_usd is None else more * one_usd
    widest = max(open_gaps, key=lambda gap: gap.high or 0.0)
    other = panels[0].seats[widest.other].name
    names = ", ".join(panels[0].seats[place].name for place in places)
    price = "at an unknown cost"
    if total_usd is not None:
        price = f"for about {money(total_usd)}"
    reason = (
        f"{advice.reason}; {_named(offer)}, may be less than {bar.margin:g} below the "
        f"best: {_below(widest.value)} against {other}, at worst "
        f"{_below(widest.high or 0.0)}; run about {more:,} more samples of {names}, "
        f"{price}"
    )
    return replace(
        advice,
        reason=reason,
        candidate=offer.name,
        more_samples=more,
        more_cost_usd=total_usd,
    )


def _cost_usd(panels: Sequence[Panel], places: Sequence[int]) -> float | None:
    """Return what one more sample costs on some models, with all of its epochs."""
    total = 0.0
    for place in places:
        seats = [panel.seats[place] for panel in panels]
        asked = [seat.asked_usd for seat in seats]
        known = [fmean(own) for own in asked if own is not None]
        if len(known) < len(asked):
            return None
        total += fmean(known)
    return total
