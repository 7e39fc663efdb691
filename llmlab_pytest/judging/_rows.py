"""What the judges of a task said and took, apart from the model that is tested."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from llmlab_pytest.core import Judgement, JudgingRow, Metric, SampleResult, Usage
from llmlab_pytest.judging._calibration import Calibration
from llmlab_pytest.metrics import mean_of_values
from llmlab_pytest.stats import corrected_mean, krippendorff_alpha


class _Said(NamedTuple):
    """A judgement, and whose answer it is of."""

    scorer: str
    sample_id: str
    epoch: int
    judgement: Judgement


def judge_rows(
    results: Sequence[SampleResult], calibrations: Sequence[Calibration] = ()
) -> tuple[JudgingRow, ...]:
    """Return a row per scorer and judge, in the order in which they appear.

    Args:
        results: of one task and model.
        calibrations: what people say of answers that judges have judged, too.
    """
    groups: dict[tuple[str, str], list[_Said]] = defaultdict(list)
    for said in _all(results):
        groups[said.scorer, said.judgement.judge].append(said)
    agreement = {scorer: _agreement(groups, scorer) for scorer, _ in groups}
    return tuple(
        _row(said, agreement[scorer], calibrations)
        for (scorer, _), said in groups.items()
    )


def _all(results: Sequence[SampleResult]) -> Iterator[_Said]:
    for result in results:
        for score in result.scores:
            for judgement in score.judgements:
                yield _Said(score.scorer, result.sample_id, result.epoch, judgement)


def _row(
    said: Sequence[_Said],
    agreement: float | None,
    calibrations: Sequence[Calibration],
) -> JudgingRow:
    first, judgements = said[0], [one.judgement for one in said]
    hashes = tuple(sorted({judgement.prompt_hash for judgement in judgements}))
    costs = [judgement.cost_usd for judgement in judgements]
    values = _by_sample(said)
    return JudgingRow(
        scorer=first.scorer,
        judge=first.judgement.judge,
        metric=mean_of_values(first.scorer, values),
        prompt_hashes=hashes,
        calls=sum(judgement.calls for judgement in judgements),
        usage=sum((judgement.usage for judgement in judgements), Usage()),
        cost_usd=None if None in costs else sum(filter(None, costs)),
        agreement=agreement,
        corrected=_corrected(first, hashes, values, calibrations),
    )


def _by_sample(said: Sequence[_Said]) -> list[float]:
    """Return a value per sample: several epochs of one are no independent samples."""
    values: dict[str, list[float]] = defaultdict(list)
    for one in said:
        if one.judgement.value is not None:
            values[one.sample_id].append(one.judgement.value)
    return [fmean(found) for found in values.values()]


def _agreement(groups: dict[tuple[str, str], list[_Said]], scorer: str) -> float | None:
    """Return Krippendorff's alpha of all who judged for a scorer."""
    units: dict[tuple[str, int], list[float]] = defaultdict(list)
    judges = [said for (name, _), said in groups.items() if name == scorer]
    if len(judges) == 1:
        return None
    for one in (one for said in judges for one in said):
        if one.judgement.value is not None:
            units[one.sample_id, one.epoch].append(one.judgement.value)
    return krippendorff_alpha(list(units.values()))


def _corrected(
    first: _Said,
    hashes: Sequence[str],
    values: Sequence[float],
    calibrations: Sequence[Calibration],
) -> Metric | None:
    for calibration in calibrations:
        if calibration.fits(first.judgement.judge, hashes):
            found = corrected_mean(values, calibration.rated)
            if found is not None:
                return Metric(
                    name=first.scorer,
                    value=found.value,
                    n=len(values),
                    interval=found.interval,
                )
    return None
