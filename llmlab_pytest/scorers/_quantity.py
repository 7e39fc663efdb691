"""Numbers with units: "5000 m" is "5 km". Units and their sizes are pint's.

A quantity is a number, as `numeric` finds it, with a unit behind it: "90 km/h",
"12 square metres", "3 m^2", "2 light years". The longest run of up to five words that
pint knows as a unit counts. Left out: money, and numbers and units without each other.
"""

import math
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from llmlab_pytest.core import ConfigError, Target, load
from llmlab_pytest.scorers._judgement import Finding, check_choice, target_scorer
from llmlab_pytest.scorers._numeric import number_spans
from llmlab_pytest.scorers._protocol import Scorer
from llmlab_pytest.scorers._text import targets_of

_EXTRA = "scorers"
_NEEDED_BY = "the scorer quantity"
_POWER = r"(?:(?:\^|\*\*)-?\d|[\u00b2\u00b3]|[23](?!\w))"
_WORD = rf"[A-Za-z\u00b0\u00b5\u03bc\u03a9\u2126%]+{_POWER}?"
_UNIT = re.compile(rf"[ \u00a0-]?({_WORD}(?:(?: per | ?[/*\u00b7] ?| ){_WORD}){{0,4}})")
_LAST_WORD = re.compile(rf"(?: per | ?[/*\u00b7] ?| )?{_WORD}$")
_POWERS = (
    (re.compile(r"\b(?:square|sq) (\w+)"), r"\1^2"),
    (re.compile(r"(?<=[A-Za-z])([23])\b"), r"^\1"),
    (re.compile(r"\b(?:cubic|cu) (\w+)"), r"\1^3"),
)
_SPELLED = str.maketrans(
    {
        "\u00b2": "^2",
        "\u00b3": "^3",
        "\u00b7": "*",
        "\u00b5": "u",
        "\u03bc": "u",
        "\u2126": "ohm",
        "\u03a9": "ohm",
    }
)


def quantity(
    *, rel_tol: float = 1e-6, abs_tol: float = 0.0, pick: str = "last"
) -> Scorer:
    """Score 1 if a quantity of the text equals the target's, in whatever unit.

    Args:
        rel_tol: largest relative difference, as in `math.isclose`.
        abs_tol: largest absolute difference, in the unit of the target.
        pick: which of the text's quantities of the target's dimension is the answer:
            `last`, `first`, or `any`.

    Raises:
        ConfigError: `pick` is unknown; while scoring, the target is not one quantity.
        MissingDependency: pint is not installed.
    """
    check_choice("pick", pick, ("last", "first", "any"))
    _units()

    def equals(found: Any, wanted: Any) -> bool:
        return bool(found.dimensionality == wanted.dimensionality) and math.isclose(
            found.to(wanted.units).magnitude,
            wanted.magnitude,
            rel_tol=rel_tol,
            abs_tol=abs_tol,
        )

    def look(text: str, target: Target) -> Finding:
        targets = [_target_quantity(each) for each in targets_of(target)]
        kinds = {wanted.dimensionality for wanted in targets}
        found = [each for each in _quantities(text) if each.dimensionality in kinds]
        picked = {"last": found[-1:], "first": found[:1], "any": found}[pick]
        for answer in picked:
            if any(equals(answer, wanted) for wanted in targets):
                return Finding(None, str(answer))
        named = " or ".join(map(str, targets))
        if not picked:
            return Finding(f"no quantity like {named} found")
        answers = " and ".join(map(str, picked))
        return Finding(f"{answers} is not {named}", str(picked[0]))

    return target_scorer("quantity", look)


def _quantities(text: str) -> Iterator[Any]:
    """Yield the quantities of a text, in order."""
    for value, end in number_spans(text, is_before_unit=True):
        match = _UNIT.match(text, end)
        unit = _longest_unit(match[1]) if match else None
        if unit is not None:
            yield _units().Quantity(value, unit)


def _longest_unit(words: str) -> Any:
    while words:
        unit = _unit(words)
        if unit is not None:
            return unit
        words = _LAST_WORD.sub("", words)
    return None


@lru_cache(maxsize=1024)
def _unit(words: str) -> Any:
    """Return the unit that words name, `None` if they name none."""
    spelled = words.translate(_SPELLED).replace(" per ", "/")
    for power, written in _POWERS:
        spelled = power.sub(written, spelled)
    spelled = re.sub(r" ?([/*]) ?", r"\1", spelled).replace(" ", "_")
    try:
        unit = _units().parse_units(spelled)
    # pint's tokenizer and its definitions fail in their own ways on what is no unit.
    except (AttributeError, ValueError, TypeError, KeyError, _pint_error()):
        return None
    return unit


def _target_quantity(text: str) -> Any:
    found = list(_quantities(text))
    if len(found) != 1:
        raise ConfigError(
            f"The target {text!r} is not one quantity.",
            allowed="It is a number with a unit, such as '5 km' or '20 degC'.",
        )
    return found[0]


@cache
def _units() -> Any:
    return load("pint:UnitRegistry", extra=_EXTRA, needed_by=_NEEDED_BY)()


@cache
def _pint_error() -> type[Exception]:
    error: type[Exception] = load("pint:PintError", extra=_EXTRA, needed_by=_NEEDED_BY)
    return error
