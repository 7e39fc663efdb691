r"""Equality of mathematical answers as strings: lm-eval 0.4.13's `hendrycks_math500`.

The rules are those of the authors of MATH (Hendrycks et al. 2021) as lm-eval runs
them: LaTeX is written in one way, units and spaces go, and what is left must be the
same text. Some texts make the reference's rules fail, such as `x/2`; it then compares
the answers as they were written, and so does this. Left out: any mathematics.
"""

import re

from llmlab_pytest.core import Completion, Score, Target
from llmlab_pytest.scorers._math_answer import final_answer
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of

_UNIT = r"\text{ "
_REPLACED = (
    ("\n", ""),
    (r"\!", ""),
    (r"\\", "\\"),
    ("tfrac", "frac"),
    ("dfrac", "frac"),
    (r"\left", ""),
    (r"\right", ""),
    (r"^{\circ}", ""),
    (r"^\circ", ""),
    (r"\$", ""),
)
"""In this order, before units go."""
_DECIMALS = ((r"\%", ""), (" .", " 0."), ("{.", "{0."))
_LONGEST_NAME = 2
"""Characters before an equals sign that are taken for the name of the answer."""
_SHORT_ROOT = re.compile(r"\\sqrt([^{])", re.DOTALL)


def hendrycks_math() -> Scorer:
    r"""Score 1 if the answer is written like the target's, but for LaTeX's freedom.

    The answer is what stands between the first and the last dollar sign of the text,
    or the whole text. The target is a solution with a `\boxed{…}`, or the answer.
    """

    def score(completion: Completion | str, target: Target) -> Score:
        (solution, *_) = targets_of(target)
        wanted = final_answer(solution)
        answer = _between_dollars(text_of(completion))
        is_right = _is_same(answer, wanted)
        return Score(
            scorer="hendrycks_math",
            value=float(is_right),
            answer=answer,
            explanation=None if is_right else f"expected {wanted!r}",
        )

    return score


def _between_dollars(text: str) -> str:
    first, last = text.find("$"), text.rfind("$")
    return text if first == last else text[first + 1 : last]


def _is_same(answer: str, wanted: str) -> bool:
    try:
        return written_alike(answer) == written_alike(wanted)
    except ValueError:
        return answer == wanted


def written_alike(answer: str) -> str:
    r"""Return an answer in the one form that all its spellings have.

    Raises:
        ValueError: the reference's rules fail at it: two units, nothing under a root or
            behind `\frac`, or one slash between what are no whole numbers.
    """
    for before, after in _REPLACED:
        answer = answer.replace(before, after)
    answer = _without_unit(answer)
    for before, after in _DECIMALS:
        answer = answer.replace(before, after)
    if not answer:
        return answer
    if answer.startswith("."):
        answer = f"0{answer}"
    answer = _without_name(answer)
    answer = _with_arguments(_with_roots(answer).replace(" ", ""))
    return _as_fraction(r"\frac{1}{2}" if answer == "0.5" else answer)


def _without_unit(answer: str) -> str:
    kept, *units = answer.split(_UNIT)
    if len(units) > 1:
        msg = f"two units in {answer!r}"
        raise ValueError(msg)
    return kept


def _without_name(answer: str) -> str:
    """Return what `x = 5` says x is."""
    name, *values = answer.split("=")
    return values[0] if len(values) == 1 and len(name) <= _LONGEST_NAME else answer


def _with_roots(answer: str) -> str:
    r"""Write `\sqrt3` as `\sqrt{3}`."""
    if "" in answer.split(r"\sqrt")[1:]:
        msg = f"nothing under a root in {answer!r}"
        raise ValueError(msg)
    return _SHORT_ROOT.sub(r"\\sqrt{\1}", answer)


def _with_arguments(answer: str) -> str:
    r"""Write `\frac12` and `\frac1{72}` with all their braces."""
    start, *rest = answer.split(r"\frac")
    if "" in rest:
        msg = f"a fraction of nothing in {answer!r}"
        raise ValueError(msg)
    if any(len(piece) == 1 and piece != "{" for piece in rest):
        return answer
    return start + "".join(rf"\frac{_braced(piece)}" for piece in rest)


def _braced(piece: str) -> str:
    if piece.startswith("{"):
        return piece
    upper, lower, tail = piece[0], piece[1], piece[2:]
    return f"{{{upper}}}" + (lower if lower == "{" else f"{{{lower}}}") + tail


def _as_fraction(answer: str) -> str:
    r"""Write `3/4` as `\frac{3}{4}`; other signs and leading zeros stay."""
    if answer.count("/") != 1:
        return answer
    upper, lower = map(int, answer.split("/"))
    return rf"\frac{{{upper}}}{{{lower}}}" if answer == f"{upper}/{lower}" else answer
