"""Why two settings give different numbers: how far each factor moves the score.

One factor at a time is changed from the first setting to the second. What all factors
together move beyond the sum of that are their interactions. Where all settings ask the
same samples, intervals are those of the differences by sample (Student's t), which are
narrower than those of the scores.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

from llmlab_pytest.core import Contribution, Interval, SampleResult
from llmlab_pytest.stats import student_t

FIRST, LAST = "from", "to"
INTERACTIONS, TOTAL = "interactions", "total"
_POINTS = 100
_Values = Mapping[tuple[str, int], float]


def contributions(
    explanation: str, model: str, settings: Mapping[str, Sequence[SampleResult]]
) -> tuple[Contribution, ...]:
    """Return the contribution of each factor, their interactions, and the total.

    Args:
        explanation: its name.
        model: its alias.
        settings: the results of each setting, by the factor that it changes; `from`
            and `to` are the ends.
    """
    values = {name: _values(results) for name, results in settings.items()}
    factors = [name for name in values if name not in (FIRST, LAST)]
    weights = {name: {name: 1, FIRST: -1} for name in factors}
    if len(factors) > 1:
        others = dict.fromkeys(factors, -1)
        weights[INTERACTIONS] = {LAST: 1, FIRST: len(factors) - 1, **others}
    weights[TOTAL] = {LAST: 1, FIRST: -1}
    found = []
    for name, terms in weights.items():
        points, interval = _combined(values, terms)
        changed = values.get(name if name in factors else LAST, {})
        found.append(
            Contribution(
                explanation=explanation,
                model=model,
                factor=name,
                points=points,
                interval=interval,
                n=len(changed),
            )
        )
    return tuple(found)


def _values(results: Sequence[SampleResult]) -> _Values:
    """Return the first score of each sample and epoch that has one."""
    return {
        (result.sample_id, result.epoch): result.scores[0].value
        for result in results
        if result.scores and result.scores[0].value is not None
    }


def _combined(
    values: Mapping[str, _Values], terms: Mapping[str, int]
) -> tuple[float | None, Interval | None]:
    """Return the weighted sum of the settings' means, in points."""
    parts = [(values.get(name, {}), weight) for name, weight in terms.items()]
    if not all(scored for scored, _ in parts):
        return None, None
    mean = sum(weight * fmean(scored.values()) for scored, weight in parts)
    keys = parts[0][0].keys()
    if any(scored.keys() != keys for scored, _ in parts):
        return _POINTS * mean, None
    by_sample = [
        _POINTS * sum(weight * scored[key] for scored, weight in parts) for key in keys
    ]
    return fmean(by_sample), student_t(by_sample)
