"""Numbers in prose: found by a fixed grammar, compared with a tolerance.

A number is digits with optional thousands separators (`,` between groups of three),
decimals after `.`, an exponent, a sign that touches it (neither a hyphen between words
nor the dash of a list is one), a currency sign before it and a percent sign after it.
Fractions, words and units are left out.
"""

import math
import re
from collections.abc import Iterator
from typing import Literal

from llmlab_pytest.core import Completion, ConfigError, Score, Target
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of

_GRAMMAR = (
    r"(?<![\w.])(?P<sign>[-+\u2212]?)(?:[$€£¥]\s?)?(?P<sign2>[-+\u2212]?)"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?P<exponent>[eE][-+]?\d+)?"
)
_NUMBER = re.compile(_GRAMMAR + r"(?![\w])")
_BEFORE_UNIT = re.compile(_GRAMMAR + r"(?!\d)")


def numeric(
    *,
    rel_tol: float = 1e-6,
    abs_tol: float = 0.0,
    pick: Literal["last", "first"] = "last",
) -> Scorer:
    """Score 1 if the number in the text is close to the target.

    Args:
        rel_tol: largest relative difference, as in `math.isclose`.
        abs_tol: largest absolute difference; the larger of the two counts.
        pick: which number of the text is the answer; models conclude at the end.

    Raises:
        ConfigError: `pick` is neither of the two.
    """
    if pick not in ("last", "first"):
        raise ConfigError(f"pick is {pick!r}.", allowed="It takes 'last' or 'first'.")

    def score(completion: Completion | str, target: Target) -> Score:
        wanted = [_target_number(text) for text in targets_of(target)]
        found = numbers_in(text_of(completion))
        if not found:
            return Score(scorer="numeric", value=0.0, explanation="no number found")
        answer = found[-1] if pick == "last" else found[0]
        is_right = any(
            math.isclose(answer, number, rel_tol=rel_tol, abs_tol=abs_tol)
            for number in wanted
        )
        difference = min(abs(answer - number) for number in wanted)
        return Score(
            scorer="numeric",
            value=float(is_right),
            answer=f"{answer:g}",
            explanation=None
            if is_right
            else f"{answer:g} differs from {wanted[0]:g} by {difference:g}",
        )

    return score


def numbers_in(text: str) -> list[float]:
    """Return every finite number in a text, in order; total on any text."""
    return [value for value, _ in number_spans(text)]


def number_spans(
    text: str, *, is_before_unit: bool = False
) -> Iterator[tuple[float, int]]:
    """Yield every finite number of a text, in order, with the place where it ends.

    Args:
        text: any text.
        is_before_unit: whether letters may follow without a space, as in "5km".
    """
    pattern = _BEFORE_UNIT if is_before_unit else _NUMBER
    for match in pattern.finditer(text):
        digits = match["digits"].replace(",", "") + (match["exponent"] or "")
        value = float(digits)
        if (match["sign"] or match["sign2"]) in ("-", "\u2212"):
            value = -value
        if math.isfinite(value):
            yield value, match.end()


def _target_number(text: str) -> float:
    numbers = numbers_in(text)
    if len(numbers) != 1:
        raise ConfigError(
            f"The target {text!r} is not one number.",
            fix="Correct the row, or use another scorer.",
        )
    return numbers[0]
