"""Which models answer alike, and which samples tell them apart.

Two models that are right equally often may fail on the same samples or on different
ones: only the second are worth combining. Kappa (Cohen 1960) says how far two agree on
what they get right beyond what their rates give by chance.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from statistics import fmean
from typing import Literal

from llmlab_pytest.comparing._panel import Panel, Seat
from llmlab_pytest.comparing._standings import mean_interval
from llmlab_pytest.core import SampleResult
from llmlab_pytest.reporting import Consistency, Match, RightTogether, Separating
from llmlab_pytest.stats import cohen_kappa, correlation, krippendorff_alpha

_HALF = 0.5
_LEAST = 2


def matches_of(panel: Panel) -> tuple[Match, ...]:
    """Return how alike each two models of a panel are."""
    return tuple(_match(panel, *pair) for pair in combinations(panel.seats, 2))


def _match(panel: Panel, first: Seat, second: Seat) -> Match:
    alike = _alike(usual_answers(first), usual_answers(second))
    return Match(
        first=first.name,
        second=second.name,
        alike=fmean(alike) if alike else None,
        alike_interval=mean_interval(alike, panel.clusters) if alike else None,
        together=_together(first, second, alike) if panel.is_right_or_wrong else None,
    )


def _alike(
    ones: Sequence[str | None], others: Sequence[str | None]
) -> list[float] | None:
    """Return 1 for each sample with the same answer; `None` if any has no answer."""
    if None in ones or None in others:
        return None
    return [float(one == other) for one, other in zip(ones, others, strict=True)]


def _together(
    first: Seat, second: Seat, alike: Sequence[float] | None
) -> RightTogether:
    pairs = list(zip(_rights(first), _rights(second), strict=True))
    count = Counter(pairs)
    both, neither = count[True, True], count[False, False]
    wrong = [
        own for own, pair in zip(alike or (), pairs, strict=False) if not any(pair)
    ]
    kappa = cohen_kappa(pairs, (False, True))
    failed = len(pairs) - both
    return RightTogether(
        both=both,
        only_first=count[True, False],
        only_second=count[False, True],
        neither=neither,
        kappa=kappa and kappa.value,
        kappa_interval=kappa and kappa.interval,
        error_overlap=neither / failed if failed else None,
        same_wrong=fmean(wrong) if wrong else None,
    )


def _rights(seat: Seat) -> list[bool]:
    """Return which samples a model has right: more than half of the epochs."""
    return [value > _HALF for value in seat.quality]


def usual_answers(seat: Seat) -> list[str | None]:
    """Return the commonest answer to each sample; of several, the first given."""
    return [
        None if None in said else Counter(said).most_common(1)[0][0]
        for said in map(answers_of, seat.epochs)
    ]


def answers_of(results: Sequence[SampleResult]) -> list[str | None]:
    """Return what was answered in each epoch, without case and surplus spaces.

    That is the part of the completion that the first scorer judged.
    """
    found = [result.scores[0].answer for result in results]
    return [said and " ".join(said.split()).casefold() for said in found]


def separating_of(panel: Panel) -> tuple[Separating, ...]:
    """Return the samples that some models have right and others wrong.

    Those come first that tell most: they part the models evenly, better from worse.
    """
    rights = [_rights(seat) for seat in panel.seats]
    totals = [sum(seat.quality) for seat in panel.seats]
    found = []
    for n, name in enumerate(panel.sample_ids):
        own = [right[n] for right in rights]
        if all(own) or not any(own):
            continue
        rest = [
            total - seat.quality[n]
            for total, seat in zip(totals, panel.seats, strict=True)
        ]
        named = [
            (seat.name, is_right)
            for seat, is_right in zip(panel.seats, own, strict=True)
        ]
        found.append(
            Separating(
                sample_id=name,
                right=tuple(name for name, is_right in named if is_right),
                wrong=tuple(name for name, is_right in named if not is_right),
                discrimination=_discrimination(own, rest),
            )
        )
    return tuple(sorted(found, key=_tells_least))


def _discrimination(own: Sequence[bool], rest: Sequence[float]) -> float | None:
    """Return the correlation of an item with the rest of the test (Henrysson 1963)."""
    if len(own) <= _LEAST:
        return None
    found = correlation(
        [(float(is_right), r) for is_right, r in zip(own, rest, strict=True)]
    )
    return found and found[0]


def _tells_least(one: Separating) -> tuple[int, float]:
    return abs(len(one.right) - len(one.wrong)), -(one.discrimination or 0.0)


def none_right(panel: Panel) -> tuple[str, ...]:
    """Return the ids of the samples on which no model has anything right."""
    columns = zip(*(seat.quality for seat in panel.seats), strict=True)
    return tuple(
        name
        for name, values in zip(panel.sample_ids, columns, strict=True)
        if not any(values)
    )


def all_right(panel: Panel) -> int:
    """Return how many samples all models have right in all epochs."""
    columns = zip(*(seat.quality for seat in panel.seats), strict=True)
    return sum(all(value == 1.0 for value in values) for values in columns)


def consistencies_of(panel: Panel) -> tuple[Consistency, ...]:
    """Return how alike answers are over models or prompts, and over epochs of each."""
    answers = list(zip(*map(usual_answers, panel.seats), strict=True))
    values = list(zip(*(seat.quality for seat in panel.seats), strict=True))
    over: Literal["models", "prompts"] = "models"
    if panel.of == "prompt":
        over = "prompts"
    found = [_consistency(panel, over, "", answers, values)]
    for seat in panel.seats:
        if any(len(results) > 1 for results in seat.epochs):
            said = [answers_of(results) for results in seat.epochs]
            scored = [_values(results) for results in seat.epochs]
            found.append(_consistency(panel, "epochs", seat.name, said, scored))
    return tuple(found)


def _values(results: Sequence[SampleResult]) -> list[float]:
    values = [result.scores[0].value for result in results]
    return [value for value in values if value is not None]


def _consistency(
    panel: Panel,
    over: Literal["epochs", "models", "prompts"],
    model: str,
    answers: Sequence[Sequence[str | None]],
    values: Sequence[Sequence[float]],
) -> Consistency:
    several = [
        (said, name)
        for said, name in zip(answers, panel.clusters, strict=True)
        if len(said) > 1
    ]
    is_known = not any(None in said for said, _ in several)
    shares = [same_pairs(said) for said, _ in several] if is_known else []
    return Consistency(
        over=over,
        model=model,
        alike=fmean(shares) if shares else None,
        alike_interval=mean_interval(shares, [name for _, name in several])
        if shares
        else None,
        n=len(several),
        alpha=krippendorff_alpha(values),
    )


def same_pairs(answers: Sequence[object]) -> float:
    """Return the share of pairs of two or more answers that are the same."""
    count = len(answers)
    same = sum(own * (own - 1) for own in Counter(answers).values())
    return same / (count * (count - 1))
