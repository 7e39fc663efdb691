"""What asking a cheap model first, and a dear one where it is unsure, would have given.

Both models have answered every sample, so any rule can be tried on what is recorded
(FrugalGPT; Chen, Zaharia and Zou 2023, arXiv:2305.05176, section 3). A rule may look
at what is known without the target: whether the epochs of the cheap model agree
(self-consistency; Wang et al. 2022, arXiv:2203.11171), or a scorer that needs none. Its
threshold is chosen on one half of the samples and judged on the other, for the best of
many thresholds is partly luck. The oracle looks at the target: no rule is better.
"""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from llmlab_pytest.comparing._agreement import answers_of
from llmlab_pytest.comparing._panel import Panel, Seat
from llmlab_pytest.comparing._rules import Rule, by_threshold, oracle, pairs_to_best
from llmlab_pytest.core import SampleResult
from llmlab_pytest.reporting import Cascade


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
    found = []
    for pair in pairs_to_best(panel):
        first, _ = pair
        found.append(oracle(panel, pair))
        for rule in _rules(first, signals):
            cascade = by_threshold(panel, pair, rule, margin)
            found += [] if cascade is None else [cascade]
    return tuple(found)


def _rules(first: Seat, signals: Sequence[str]) -> list[Rule]:
    """Return the rules that the recorded answers of a model allow."""
    rules = [] if (rule := _of_epochs(first)) is None else [rule]
    for name in signals:
        means = [_mean_of(results, name) for results in first.epochs]
        known = tuple(mean for mean in means if mean is not None)
        if len(known) == len(means):
            rules.append(
                Rule(
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


def _of_epochs(first: Seat) -> Rule | None:
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
    return Rule(
        text="epochs that agree below",
        signal=tuple(signal),
        kept=tuple(kept),
        kept_usd=tuple(first.asked_usd or ()),
    )
