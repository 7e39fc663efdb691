"""Which of several offers nobody beats: at least as good and no dearer, one strictly.

Quality and price are means over samples, and samples are drawn. How sure a place on the
frontier is follows from drawing them anew, for all offers together (the paired
bootstrap, Efron 1979; over tasks, each task by itself): the share of the draws in which
an offer is on the frontier.
"""

import random
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

from llmlab_pytest.stats._corpus import Sums

MOST_GROUPS = 500
"""More samples are first dealt into so many groups at random, which are drawn whole:
the variance between random groups is that between samples (Wolter 2007, chapter 2), and
the time does not grow."""


class Offer(NamedTuple):
    """What one gets and what it takes."""

    quality: float
    """The more the better."""
    price: float
    """The less the better: dollars, or seconds."""


def frontier(offers: Sequence[Offer]) -> list[bool]:
    """Return of each offer whether no other is better in one and as good in the other.

    Equal offers do not beat each other.
    """
    return [not any(_beats(other, own) for other in offers) for own in offers]


def _beats(one: Offer, other: Offer) -> bool:
    is_as_good = one.quality >= other.quality and one.price <= other.price
    return is_as_good and one != other


def frontier_chances(
    tasks: Sequence[Sequence[Sums]], *, draws: int = 2000, seed: int = 0
) -> list[float]:
    """Return of each offer the share of draws in which it is on the frontier.

    Args:
        tasks: of each task what its samples, or clusters, add up to: how many samples,
            then quality and price of the first offer, of the second, and so on. An
            offer's place is the mean over tasks of its means over samples.
        draws: how often samples are drawn anew; the standard error of a share s is
            sqrt(s (1 - s) / draws).
        seed: of the draws: the same samples always give the same shares.
    """
    drawn = random.Random(seed)
    columns = [list(zip(*_grouped(rows, drawn), strict=True)) for rows in tasks]
    offers = (len(columns[0]) - 1) // 2
    reached = [0] * offers
    for _ in range(draws):
        places = [0.0] * (2 * offers)
        for task in columns:
            count, *sums = _drawn_sums(task, drawn)
            places = [
                place + own / count for place, own in zip(places, sums, strict=True)
            ]
        found = frontier([Offer(*places[n : n + 2]) for n in range(0, 2 * offers, 2)])
        reached = [n + is_on for n, is_on in zip(reached, found, strict=True)]
    return [count / draws for count in reached]


def _drawn_sums(columns: Sequence[Sums], drawn: random.Random) -> list[float]:
    groups = len(columns[0])
    if groups == 1:
        return [column[0] for column in columns]
    pick = itemgetter(*drawn.choices(range(groups), k=groups))
    return [sum(pick(column)) for column in columns]


def _grouped(rows: Sequence[Sums], drawn: random.Random) -> list[list[float]]:
    """Return the rows, dealt into groups and summed where they are many."""
    order = list(rows)
    if len(order) > MOST_GROUPS:
        drawn.shuffle(order)
    dealt = [order[n::MOST_GROUPS] for n in range(min(len(order), MOST_GROUPS))]
    return [list(map(sum, zip(*members, strict=True))) for members in dealt]
