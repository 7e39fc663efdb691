"""Equality of mathematical answers, as lm-eval 0.4.13's `minerva_math500` has it.

Two answers are equal if they are written alike, or if sympy can read both and reduces
their difference to 0; `math_verify` leaves reading and comparing to Hugging Face's
package of that name. What cannot be read or decided is not equal: that is the
reference's rule, and it makes both scores lower bounds.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llmlab_pytest.core import Completion, ConfigError, Score, Target, load
from llmlab_pytest.scorers._math_answer import final_answer, normalised, said_answer
from llmlab_pytest.scorers._protocol import Scorer, text_of

_EXTRA = "math"
_LIMIT_S = 5
"""Simplifying may run for ever; the reference gives up after this."""
_UNDECIDABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    OSError,  # of which a TimeoutError is one
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What sympy raises for texts that are no mathematics; some of its own come on top."""


def minerva_math() -> Scorer:
    r"""Score 1 if the final answer that the text names equals the target's.

    The text says "Final Answer: The final answer is … I hope it is correct.", as
    Minerva's worked examples do. The target is a solution with a `\boxed{…}`, or the
    answer itself.
    """
    equal = _equality()

    def score(completion: Completion | str, target: Target) -> Score:
        wanted = normalised(final_answer(_solution(target, "minerva_math")))
        answer = normalised(said_answer(text_of(completion)))
        is_right = equal(answer, wanted)
        return Score(
            scorer="minerva_math",
            value=float(is_right),
            answer=answer,
            explanation=None if is_right else f"expected {wanted!r}",
        )

    return score


def math_verify() -> Scorer:
    """Score 1 if the package math-verify finds the target's answer in the text.

    Any expression counts that the package can read, boxed or not, so that a model need
    not follow a form.
    """
    parse = load("math_verify:parse", extra=_EXTRA, needed_by="the scorer math_verify")
    verify = load(
        "math_verify:verify", extra=_EXTRA, needed_by="the scorer math_verify"
    )

    def score(completion: Completion | str, target: Target) -> Score:
        # The package bounds its work by a signal, which only a main thread can get.
        limit_s = _LIMIT_S if _has_alarm() else None
        solution = _solution(target, "math_verify")
        wanted = parse(solution, parsing_timeout=limit_s)
        found = parse(text_of(completion), parsing_timeout=limit_s)
        is_right = bool(verify(gold=wanted, target=found, timeout_seconds=limit_s))
        return Score(
            scorer="math_verify",
            value=float(is_right),
            answer=str(found[-1]) if found else None,
            explanation=None if is_right else f"expected {wanted[-1:]}",
        )

    return score


def _solution(target: Target, name: str) -> str:
    if isinstance(target, (str, int, float)):
        return str(target)
    raise ConfigError(
        f"The target {target!r} is no text, and {name} reads one.",
        fix="Give each row a 'target', or the card an expression for the solution.",
    )


def _equality() -> Callable[[str, str], bool]:
    """Return the comparison of two normalised answers, with what it needs loaded."""
    needed_by = "the scorer minerva_math"
    load("antlr4", extra=_EXTRA, needed_by=needed_by)  # parse_latex looks for it late
    parse: Callable[[str], Any] = load(
        "sympy.parsing.latex:parse_latex", extra=_EXTRA, needed_by=needed_by
    )
    simplify: Callable[[Any], Any] = load("sympy:simplify", extra=_EXTRA)
    undecidable = (
        *_UNDECIDABLE,
        load("sympy.parsing.latex.errors:LaTeXParsingError", extra=_EXTRA),
        load("sympy.polys.polyerrors:BasePolynomialError", extra=_EXTRA),
    )

    def equal(first: str, second: str) -> bool:
        if first and first == second:  # tuples and intervals are not read at all
            return True
        try:
            with _at_most(_LIMIT_S):
                return bool(simplify(parse(first) - parse(second)) == 0)
        except undecidable:
            return False

    return equal


@contextmanager
def _at_most(limit_s: float) -> Iterator[None]:
    """Raise `TimeoutError` in the block when its time is over, where signals are had.

    A timer that was running, such as that of pytest-timeout, goes on afterwards.
    """
    if not _has_alarm():
        yield
        return

    def expired(*_: object) -> None:
        raise TimeoutError

    handler = signal.signal(signal.SIGALRM, expired)
    running_s, interval_s = signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        left_s, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if running_s:
            rest_s = max(running_s - (limit_s - left_s), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, rest_s, interval_s)


def _has_alarm() -> bool:
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and hasattr(signal, "setitimer")
