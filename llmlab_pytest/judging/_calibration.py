"""How far a judge agrees with people, and what that says of its other judgements."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from llmlab_pytest.core import ConfigError, Interval
from llmlab_pytest.scorers import ScorerSpec
from llmlab_pytest.stats import (
    ClassAgreement,
    Kappa,
    Rated,
    Weights,
    class_agreement,
    cohen_kappa,
    correlation,
    student_t,
    wilson,
)

_FORMAT = 1
_MOST_CLASSES = 11
"""As many as a scale from 0 to 10 has; finer values are no classes."""
_LEAST_PAIRS = 2
_TWO = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What people and a judge say of the same answers."""

    judge: str
    scorer: ScorerSpec
    """As a card writes it."""
    prompt_hashes: tuple[str, ...]
    """Digests of what the judge was told; another wording is another judge."""
    pairs: tuple[tuple[float, float], ...]
    """What people say and what the judge says, from 0 to 1."""

    @property
    def rated(self) -> Rated:
        """The pairs summed up, to correct a mean by."""
        return Rated.of(self.pairs)

    def fits(self, judge: str, prompt_hashes: Sequence[str]) -> bool:
        """Whether judgements of that judge, so asked, may be corrected by this."""
        return judge == self.judge and set(prompt_hashes) <= set(self.prompt_hashes)

    def write(self, path: Path) -> None:
        """Write a file for `--llmlab-calibration`."""
        content = {
            "format": _FORMAT,
            "judge": self.judge,
            "scorer": self.scorer,
            "prompt_hashes": sorted(self.prompt_hashes),
            "pairs": [list(pair) for pair in self.pairs],
        }
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_calibration(path: Path) -> Calibration:
    """Read what `llmlab judge --out` wrote.

    Raises:
        ConfigError: there is no such file, or it is none of these.
    """
    try:
        return _calibration(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{str(path)!r} is no calibration: {type(error).__name__}: {error}.",
            fix="Make one: llmlab judge RATED.jsonl --scorer NAME --judge MODEL "
            "--out FILE",
        ) from error


def _calibration(content: Any) -> Calibration:
    if content["format"] != _FORMAT:
        msg = f"the format {content['format']!r}"
        raise ValueError(msg)
    pairs = [(float(human), float(judge)) for human, judge in content["pairs"]]
    if len(pairs) < _LEAST_PAIRS:
        msg = f"{len(pairs)} pairs"
        raise ValueError(msg)
    return Calibration(
        judge=str(content["judge"]),
        scorer=content["scorer"],
        prompt_hashes=tuple(map(str, content["prompt_hashes"])),
        pairs=tuple(pairs),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How well a judge does what people do."""

    n: int
    classes: tuple[float, ...]
    """The values that occur, in order; none where they are too many for classes."""
    table: Mapping[tuple[float, float], int]
    """How often people say the first and the judge the second."""
    agreement: Interval | None
    """The part on which both say the same, by Wilson."""
    same: int
    kappa: Kappa | None
    """Weighted by the square of the distance where there are more than two classes."""
    by_class: tuple[ClassAgreement, ...]
    difference: float
    """The judge's mean minus that of people: how lenient it is."""
    difference_interval: Interval | None
    correlation: tuple[float, Interval | None] | None
    length_bias: tuple[float, Interval | None] | None
    """Correlation of the logarithm of an answer's length with judge minus people: above
    0, the judge likes long answers better than people do."""


def figures_of(pairs: Sequence[tuple[float, float]], lengths: Sequence[int]) -> Figures:
    """Compare what people and a judge say.

    Args:
        pairs: people's value and the judge's, at least one.
        lengths: characters of the answers, in the same order.
    """
    values = tuple(sorted({value for pair in pairs for value in pair}))
    classes = values if len(values) <= _MOST_CLASSES else ()
    same = sum(human == judge for human, judge in pairs)
    errors = [judge - human for human, judge in pairs]
    sized = [(math.log(1 + n), e) for n, e in zip(lengths, errors, strict=True)]
    weights: Weights = "quadratic" if len(classes) > _TWO else "none"
    counted = [(human, judge) for human in classes for judge in classes]
    return Figures(
        n=len(pairs),
        classes=classes,
        table={cell: sum(pair == cell for pair in pairs) for cell in counted},
        agreement=wilson(same, len(pairs)) if classes else None,
        same=same,
        kappa=cohen_kappa(pairs, classes, weights=weights) if classes else None,
        by_class=tuple(class_agreement(pairs, classes)),
        difference=fmean(errors),
        difference_interval=student_t(errors),
        correlation=correlation(pairs),
        length_bias=correlation(sized),
    )
