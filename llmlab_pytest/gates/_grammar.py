"""What a gate says: a metric, perhaps of a part, and the number that it must keep."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from llmlab_pytest.core import ConfigError

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_GRAMMAR = re.compile(
    r"\s*(?P<metric>[\w.@^-]+)\s*"
    r"(?:\[\s*(?P<field>[\w.-]+)\s*=\s*(?P<value>[^\]]*?)\s*\]\s*)?"
    r"(?P<operator>>=|<=|==|>|<)\s*"
    r"(?:"
    rf"(?P<number>[-+]?{_NUMBER})\s*(?P<percent>%?)"
    rf"|baseline(?:\s*(?P<sign>[-+])\s*(?P<margin>{_NUMBER})(?P<points>\s*points)?)?"
    r")"
    r"(?:(?:\s+at\s+(?P<confidence>\d+(?:\.\d+)?)\s*%)?(?P<exact>\s+exact)?"
    r"|\s+(?P<point>point))\s*"
)
_DEFAULT_CONFIDENCE = 0.95
_PER_CENT = 100


class Slice(NamedTuple):
    """The samples whose row has a value in a field."""

    field: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A parsed gate."""

    text: str
    metric: str
    operator: str
    threshold: float
    """A number of the metric; of a relative gate, of its distance from the baseline."""
    confidence: float | None
    """`None`: the point estimate decides."""
    is_exact: bool = False
    """Whether Clopper and Pearson's interval decides, which is never too short."""
    part: Slice | None = None
    """Which samples it judges; `None`: all."""
    is_relative: bool = False
    """Whether it compares with the run that `--llmlab-baseline` names."""

    def holds(self, value: float) -> bool:
        """Whether a single value satisfies the gate."""
        return _OPERATORS[self.operator](value, self.threshold)


def parse_gate(text: str, *, where: str) -> Gate:
    """Parse `METRIC[FIELD=VALUE] OP NUMBER|BASELINE [at CONFIDENCE% | exact | point]`.

    Args:
        text: e.g. `accuracy >= 0.8`, `accuracy >= 80% at 90%`, `cost_usd <= 0.5`,
            `accuracy[topic=billing] >= 0.8`, `accuracy >= baseline - 2 points`.
        where: file and line, or mark, for messages.

    Raises:
        ConfigError: the text does not follow the grammar.
    """
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"The gate {text!r} in {where} cannot be read.",
            allowed="A gate is METRIC OP NUMBER, with OP one of >= > <= < ==, "
            "and may end in 'at 90%', 'exact' or 'point'. METRIC[FIELD=VALUE] judges "
            "some samples; for the number may stand 'baseline', and '- 2 points' "
            "behind it.",
            fix="For example: accuracy >= 0.8",
        )
    confidence = float(match["confidence"]) / _PER_CENT if match["confidence"] else None
    if confidence is not None and not 0 < confidence < 1:
        raise ConfigError(
            f"The gate {text!r} in {where} asks for {match['confidence']}% confidence.",
            allowed="Confidence lies between 0% and 100%, both excluded.",
        )
    if match["exact"] and match["number"] is None:
        raise ConfigError(
            f"The gate {text!r} in {where} asks for an exact interval of a difference.",
            allowed="'exact' is for right and wrong of one run; a baseline is compared "
            "by pairs.",
        )
    if confidence is None and not match["point"]:
        confidence = _DEFAULT_CONFIDENCE
    return Gate(
        text=" ".join(text.split()),
        metric=match["metric"],
        operator=match["operator"],
        threshold=_threshold(match),
        confidence=confidence,
        is_exact=match["exact"] is not None,
        part=Slice(match["field"], match["value"]) if match["field"] else None,
        is_relative=match["number"] is None,
    )


def _threshold(match: re.Match[str]) -> float:
    if match["number"] is not None:
        return float(match["number"]) / (_PER_CENT if match["percent"] else 1)
    margin = float(match["margin"] or 0) / (_PER_CENT if match["points"] else 1)
    return -margin if match["sign"] == "-" else margin
