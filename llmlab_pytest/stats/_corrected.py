"""What a judge's mean is once people have said where the judge is wrong.

Prediction-powered inference: the judge's values of all samples, which are many and
biased, are corrected by its error where people have rated too, which are few and true.
The estimate is unbiased however bad the judge is; a bad judge only makes it no better
than the people's ratings alone. With the weight of the judge chosen so that the
variance is least (PPI++).

Source: Angelopoulos et al. 2023, "Prediction-powered inference" (Science 382) and
"PPI++" (arXiv:2311.01453), section 6 for the mean.
"""

import math
from collections.abc import Sequence
from statistics import fmean, variance
from typing import NamedTuple

from llmlab_pytest.core import Interval
from llmlab_pytest.stats._student import student_t_quantile

_LEAST = 2


class Rated(NamedTuple):
    """Samples that both people and the judge have rated, summed up."""

    n: int
    human_mean: float
    judge_mean: float
    human_variance: float
    judge_variance: float
    covariance: float

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, float]]) -> "Rated":
        """Sum up pairs of what people and the judge say.

        Raises:
            ValueError: there are fewer than two.
        """
        if len(pairs) < _LEAST:
            msg = f"{len(pairs)} pairs"
            raise ValueError(msg)
        human, judge = [h for h, _ in pairs], [j for _, j in pairs]
        human_mean, judge_mean = fmean(human), fmean(judge)
        products = [(h - human_mean) * (j - judge_mean) for h, j in pairs]
        return cls(
            n=len(pairs),
            human_mean=human_mean,
            judge_mean=judge_mean,
            human_variance=variance(human),
            judge_variance=variance(judge),
            covariance=math.fsum(products) / (len(pairs) - 1),
        )


class Corrected(NamedTuple):
    """A mean as people would have rated it."""

    value: float
    interval: Interval
    weight: float
    """How much the judge counts, from 0, not at all, to 1."""


def corrected_mean(
    judged: Sequence[float], rated: Rated, *, confidence: float = 0.95
) -> Corrected | None:
    """Return the mean over all samples that people would have given.

    The rated samples are to be drawn from where the judged ones come from, and not to
    be among them.

    Args:
        judged: the judge's values of samples that nobody else has rated.
        rated: samples that people have rated, too.
        confidence: of the interval, by Student's t with the rated samples' degrees.

    Returns:
        `None` with fewer than two judged samples.
    """
    if len(judged) < _LEAST:
        return None
    weight = _best_weight(rated, len(judged))
    value = rated.human_mean + weight * (fmean(judged) - rated.judge_mean)
    error_variance = (
        rated.human_variance
        - 2 * weight * rated.covariance
        + weight**2 * rated.judge_variance
    )
    spread = max(0.0, error_variance) / rated.n
    spread += weight**2 * variance(judged) / len(judged)
    half = student_t_quantile((1 + confidence) / 2, rated.n - 1) * math.sqrt(spread)
    interval = Interval(value - half, value + half, confidence, "ppi++")
    return Corrected(value, interval, weight)


def _best_weight(rated: Rated, judged: int) -> float:
    """Return the weight of the judge with the least variance, within 0 and 1."""
    if rated.judge_variance <= 0:
        return 0.0
    weight = rated.covariance / rated.judge_variance / (1 + rated.n / judged)
    return min(1.0, max(0.0, weight))
