"""A rule that says which of two models is asked, and what it would have given.

Both models have answered every sample, so any rule can be tried on what is recorded.
What a rule has of its own, a threshold or a choice for each group, is chosen on one
half of the samples and judged on the other, for the best of many is partly luck.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from llmlab_pytest.comparing._panel import Panel, Seat
from llmlab_pytest.comparing._standings import mean_interval, price_interval
from llmlab_pytest.metrics import difference_interval
from llmlab_pytest.reporting import Cascade

_ORACLE = "the second is better (oracle)"
_LEAST = 4
"""Samples in a half; fewer tell nothing of a threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a rule knows and does, sample by sample."""

    text: str
    """When the second is asked."""
    signal: tuple[float, ...]
    """How sure the first model is."""
    kept: tuple[float, ...]
    """Quality where the first model's answer is kept."""
    kept_usd: tuple[float, ...]
    sign: int = 1
    """-1 where the signal is the negative of what is named: its threshold is, too."""
    is_final: bool = False
    """Whether it has no threshold: the signal is 1, or 0 where the second is asked."""
    is_router: bool = False
    """Whether it is known before anybody is asked, so that only one model is."""


def pairs_to_best(panel: Panel) -> list[tuple[Seat, Seat]]:
    """Return each model that is cheaper than the best one, with the best one."""
    priced = [seat for seat in panel.seats if seat.costs_usd is not None]
    if not priced:
        return []
    best = max(priced, key=lambda seat: (fmean(seat.quality), -_mean_usd(seat)))
    cheaper = [seat for seat in priced if _mean_usd(seat) < _mean_usd(best)]
    return [(seat, best) for seat in sorted(cheaper, key=_mean_usd)]


def by_threshold(
    panel: Panel, pair: tuple[Seat, Seat], rule: Rule, margin: float
) -> Cascade | None:
    """Choose a threshold on one half, and judge it on the other.

    Return `None` where a half is too small.
    """
    chosen_on, judged_on = halves(panel.clusters)
    if min(len(chosen_on), len(judged_on)) < _LEAST:
        return None
    if rule.is_final:
        return judged(panel, pair, rule, 1.0, judged_on)
    thresholds = sorted({rule.signal[n] for n in chosen_on})
    needed = fmean(pair[1].quality[n] for n in chosen_on) - margin
    tried = [(_quality(pair, rule, end, chosen_on), end) for end in thresholds]
    # A higher threshold asks the second more often, and costs more.
    enough = [end for quality, end in tried if quality > needed]
    threshold = min(enough) if enough else max(tried)[1]
    return judged(panel, pair, rule, threshold, judged_on)


def oracle(
    panel: Panel, pair: tuple[Seat, Seat], *, is_router: bool = False
) -> Cascade:
    """Return what asking the second exactly where it is better gives."""
    first, second = pair
    is_better = [b > a for a, b in zip(first.quality, second.quality, strict=True)]
    rule = Rule(
        text=_ORACLE,
        signal=tuple(float(not own) for own in is_better),
        kept=first.quality,
        kept_usd=tuple(first.costs_usd or ()),
        is_final=True,
        is_router=is_router,
    )
    places = range(len(panel.sample_ids))
    return replace(judged(panel, pair, rule, 1.0, places), is_oracle=True)


def halves(clusters: Sequence[str]) -> tuple[list[int], list[int]]:
    """Deal samples into two halves at random; those that belong together stay so."""
    names = sorted(set(clusters))
    random.Random(0).shuffle(names)
    first = set(names[: len(names) // 2])
    places = range(len(clusters))
    return (
        [n for n in places if clusters[n] in first],
        [n for n in places if clusters[n] not in first],
    )


def _quality(
    pair: tuple[Seat, Seat], rule: Rule, threshold: float, places: Sequence[int]
) -> float:
    second = pair[1].quality
    return fmean(
        second[n] if rule.signal[n] < threshold else rule.kept[n] for n in places
    )


def judged(
    panel: Panel,
    pair: tuple[Seat, Seat],
    rule: Rule,
    threshold: float,
    places: Sequence[int],
) -> Cascade:
    """Return what a rule gives on some samples, against the second model alone."""
    first, second = pair
    costs, dear = first.costs_usd or (), second.costs_usd or ()
    is_asked = [rule.signal[n] < threshold for n in places]
    quality = [
        second.quality[n] if asked else rule.kept[n]
        for n, asked in zip(places, is_asked, strict=True)
    ]
    paid = [
        dear[n] + (0.0 if rule.is_router else rule.kept_usd[n])
        if asked
        else rule.kept_usd[n]
        for n, asked in zip(places, is_asked, strict=True)
    ]
    clusters = [panel.clusters[n] for n in places]
    apart = [own - second.quality[n] for own, n in zip(quality, places, strict=True)]
    ends = [
        (fmean(own[n] for n in places), fmean(usd[n] for n in places))
        for own, usd in ((first.quality, costs), (second.quality, dear))
    ]
    return Cascade(
        first=first.name,
        second=second.name,
        rule=rule.text if rule.is_final else f"{rule.text} {rule.sign * threshold:.3g}",
        is_oracle=False,
        asked_second=fmean(map(float, is_asked)),
        quality=fmean(quality),
        quality_interval=mean_interval(quality, clusters),
        cost_usd=fmean(paid),
        cost_interval=price_interval(paid, clusters),
        difference=fmean(apart),
        difference_interval=difference_interval(apart, clusters),
        mixed_quality=_mixed(ends[0], ends[1], fmean(paid)),
        n=len(places),
    )


def _mean_usd(seat: Seat) -> float:
    return fmean(seat.costs_usd or [0.0])


def _mixed(
    first: tuple[float, float], second: tuple[float, float], cost_usd: float
) -> float | None:
    """Return the quality of a coin that asks either model, at the same mean cost.

    Args:
        first: quality and dollars of the cheap model.
        second: those of the dear one.
        cost_usd: of the cascade.
    """
    if not first[1] <= cost_usd <= second[1] or first[1] == second[1]:
        return None
    share = (cost_usd - first[1]) / (second[1] - first[1])
    return first[0] + share * (second[0] - first[0])
