"""What asking a cheap model first, and a dear one where it is unsure, would have given.

Both models have answered every sample, so any rule can be tried on what is recorded
(FrugalGPT; Chen, Zaharia and Zou 2023, arXiv:2305.05176, section 3). A rule may look
at what is known without the target: whether the epochs of the cheap model agree
(self-consistency; Wang et al. 2022, arXiv:2203.11171), or a scorer that needs none. Its
threshold is chosen on one half of the samples and judged on the other, for the best of
many thresholds is partly luck. The oracle looks at the target: no rule is better.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from llmlab_pytest.comparing._agreement import answers_of
from llmlab_pytest.comparing._panel import Panel, Seat
from llmlab_pytest.comparing._standings import mean_interval, price_interval
from llmlab_pytest.core import SampleResult
from llmlab_pytest.metrics import difference_interval
from llmlab_pytest.reporting import Cascade

_ORACLE = "the second is better (oracle)"
_LEAST = 4
"""Samples in a half; fewer tell nothing of a threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What a rule knows and does, sample by sample."""

    text: str
    """When the second is asked; a threshold follows."""
    signal: tuple[float, ...]
    """How sure the first model is."""
    kept: tuple[float, ...]
    """Quality where the first model's answer is kept."""
    kept_usd: tuple[float, ...]


def cascades_of(
    panel: Panel, *, signals: Sequence[str], margin: float
) -> tuple[Cascade, ...]:
    """Return cascades from each cheaper model to the best one.

    Args:
        panel: of one task.
        signals: names of scorers that need no target; more is surer.
        margin: the chosen threshold is the cheapest whose quality, on the half that it
            is chosen on, is less than this below that of the second model.
    """
    priced = [seat for seat in panel.seats if seat.costs_usd is not None]
    if len(priced) <= 1:
        return ()
    best = max(priced, key=lambda seat: (fmean(seat.quality), -_mean_usd(seat)))
    found = []
    for first in sorted(priced, key=_mean_usd):
        if _mean_usd(first) >= _mean_usd(best):
            break
        pair = (first, best)
        found.append(_oracle(panel, pair))
        for rule in _rules(first, signals):
            cascade = _by_threshold(panel, pair, rule, margin)
            found += [] if cascade is None else [cascade]
    return tuple(found)


def _mean_usd(seat: Seat) -> float:
    return fmean(seat.costs_usd or [0.0])


def _rules(first: Seat, signals: Sequence[str]) -> list[_Rule]:
    """Return the rules that the recorded answers of a model allow."""
    rules = [] if (rule := _of_epochs(first)) is None else [rule]
    for name in signals:
        means = [_mean_of(results, name) for results in first.epochs]
        known = tuple(mean for mean in means if mean is not None)
        if len(known) == len(means):
            rules.append(
                _Rule(
                    text=f"{name} below",
                    signal=known,
                    kept=first.quality,
                    kept_usd=tuple(first.costs_usd or ()),
                )
            )
    return [rule for rule in rules if len(set(rule.signal)) > 1]


def _mean_of(results: Sequence[SampleResult], scorer: str) -> float | None:
    values = [
        score.value
        for result in results
        for score in result.scores
        if score.scorer == scorer and score.value is not None
    ]
    return fmean(values) if values else None


def _of_epochs(first: Seat) -> _Rule | None:
    """Return the rule by agreement, where each sample was asked several times.

    The answer that is kept is the commonest, and all epochs are paid.
    """
    signal, kept = [], []
    for results in first.epochs:
        said = answers_of(results)
        if len(results) <= 1 or None in said:
            return None
        (commonest, count), *_ = Counter(said).most_common(1)
        signal.append(count / len(said))
        values = [
            result.scores[0].value
            for result, answer in zip(results, said, strict=True)
            if answer == commonest
        ]
        kept.append(fmean(value for value in values if value is not None))
    return _Rule(
        text="epochs that agree below",
        signal=tuple(signal),
        kept=tuple(kept),
        kept_usd=tuple(first.asked_usd or ()),
    )


def _oracle(panel: Panel, pair: tuple[Seat, Seat]) -> Cascade:
    """Return what asking the second exactly where it is better gives."""
    first, second = pair
    is_better = [b > a for a, b in zip(first.quality, second.quality, strict=True)]
    rule = _Rule(
        text=_ORACLE,
        signal=tuple(float(not own) for own in is_better),
        kept=first.quality,
        kept_usd=tuple(first.costs_usd or ()),
    )
    places = range(len(panel.sample_ids))
    return replace(
        _judged(panel, pair, rule, 1.0, places), rule=_ORACLE, is_oracle=True
    )


def _by_threshold(
    panel: Panel, pair: tuple[Seat, Seat], rule: _Rule, margin: float
) -> Cascade | None:
    """Choose a threshold on one half, and judge it on the other."""
    chosen_on, judged_on = _halves(panel.clusters)
    if min(len(chosen_on), len(judged_on)) < _LEAST:
        return None
    thresholds = sorted({rule.signal[n] for n in chosen_on})
    needed = fmean(pair[1].quality[n] for n in chosen_on) - margin
    tried = [(_quality(pair, rule, end, chosen_on), end) for end in thresholds]
    # A higher threshold asks the second more often, and costs more.
    enough = [end for quality, end in tried if quality > needed]
    threshold = min(enough) if enough else max(tried)[1]
    return _judged(panel, pair, rule, threshold, judged_on)


def _halves(clusters: Sequence[str]) -> tuple[list[int], list[int]]:
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
    pair: tuple[Seat, Seat], rule: _Rule, threshold: float, places: Sequence[int]
) -> float:
    second = pair[1].quality
    return fmean(
        second[n] if rule.signal[n] < threshold else rule.kept[n] for n in places
    )


def _judged(
    panel: Panel,
    pair: tuple[Seat, Seat],
    rule: _Rule,
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
        rule.kept_usd[n] + (dear[n] if asked else 0.0)
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
        rule=f"{rule.text} {threshold:.3g}",
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
