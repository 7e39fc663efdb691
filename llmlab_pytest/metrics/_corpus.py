"""Metrics of all samples together: what their shares add up to.

A sample that was repeated in several epochs adds the mean of its epochs. The standard
error is lm-eval 0.4.13's bootstrap, and the interval the normal one around the value:
of 100 draws, which slow measures get, quantiles would be too coarse.
"""

from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean

from llmlab_pytest.core import Interval, Metric, SampleResult, Share
from llmlab_pytest.stats import CORPUS_STATISTICS, bootstrap_stderr, normal

_METHOD = "bootstrap"


def shares_of(results: Sequence[SampleResult], scorer: str) -> tuple[Share, ...]:
    """Return one share per sample; empty where the scorer's metric is a mean."""
    return tuple(shares_by_sample(results, scorer).values())


def shares_by_sample(results: Sequence[SampleResult], scorer: str) -> dict[str, Share]:
    """Return the share of each sample by its id."""
    epochs: dict[str, list[Share]] = {}
    for result in results:
        for score in result.scores:
            if score.scorer == scorer and score.share is not None:
                epochs.setdefault(result.sample_id, []).append(score.share)
    return {name: _mean_epoch(shares) for name, shares in epochs.items()}


def corpus_metric(name: str, shares: tuple[Share, ...]) -> Metric:
    """Return the measure of the samples with these shares, of which there is one."""
    value, stderr = _estimate(shares)
    return Metric(
        name=name,
        value=value,
        n=len(shares),
        stderr=stderr,
        interval=corpus_interval(shares),
    )


def corpus_interval(
    shares: tuple[Share, ...], *, confidence: float = 0.95
) -> Interval | None:
    """Return the interval of the measure; `None` below two samples."""
    value, stderr = _estimate(shares)
    if stderr is None:
        return None
    return normal(value, stderr, confidence=confidence, method=_METHOD)


@lru_cache(maxsize=64)  # the table and each gate ask for the same 100,000 draws
def _estimate(shares: tuple[Share, ...]) -> tuple[float, float | None]:
    """Return a measure and its standard error."""
    measure = CORPUS_STATISTICS[shares[0].statistic]
    addends = [share.addends for share in shares]
    value = measure.of_sums([sum(column) for column in zip(*addends, strict=True)])
    return value, bootstrap_stderr(addends, measure.of_sums, draws=measure.draws)


def _mean_epoch(epochs: Sequence[Share]) -> Share:
    if len(epochs) == 1:
        return epochs[0]
    columns = zip(*(share.addends for share in epochs), strict=True)
    return Share(epochs[0].statistic, tuple(map(fmean, columns)))
