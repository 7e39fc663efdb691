"""Assertions on completions: the scorers, with failure messages for people.

Each works on a completion or a string, returns the score when it holds, and raises
`LlmAssertionError` when it does not. The message shows what was looked for, the text,
and the difference; everything printed has its secrets and control characters removed.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmlab_pytest.core import (
    Completion,
    Sample,
    Score,
    Target,
    escape_control,
    redact,
    shorten,
)
from llmlab_pytest.scorers import (
    AnyScorer,
    Scorer,
    bounds_fault,
    choice,
    contains_all,
    contains_any,
    contains_none,
    exact,
    json_schema,
    numeric,
    regex,
    score,
)

_MAX_TEXT = 1200
_MAX_LINE = 200
_INDENT = "    "


class LlmAssertionError(AssertionError):
    """A completion is not what a test asserts.

    Args:
        message: the whole text shown to people.
        score: the score that decided.
    """

    def __init__(self, message: str, *, score: Score) -> None:
        super().__init__(message)
        self.score = score


# The first line of pytest's summary shows where an exception lives, and then is full.
LlmAssertionError.__module__ = "llmlab_pytest"


def _is_ours(excinfo: Any) -> bool:
    """Hide our frames from the trace of a failed assertion, not from that of a bug."""
    return bool(excinfo.errisinstance(LlmAssertionError))


def assert_score(
    completion: Completion | str,
    scorer: AnyScorer,
    *,
    target: Target = None,
    sample: Sample | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Score:
    """Assert what any scorer says of a completion.

    Args:
        completion: what is judged; a text, or what a model answered.
        scorer: a name, a table with `name` and options, a scorer made by a factory of
            `llmlab_pytest.scorers`, or a function; a coroutine function is waited for.
        target: the reference answer, or several.
        sample: for scorers that look at choices or other fields of a row.
        at_least: the lowest value that passes; 1, which is right, without any bound.
        at_most: the highest value that passes, for measures such as `ter`.

    Returns:
        The score, for tests that look further.

    Raises:
        LlmAssertionError: the value is out of bounds, or there is none.
        ConfigError: the scorer or an option is unknown or wrong.
    """
    __tracebackhide__ = _is_ours
    if at_least is None and at_most is None:
        at_least = 1.0
    found = score(completion, scorer, target=target, sample=sample)
    fault = bounds_fault(found, at_least=at_least, at_most=at_most)
    if fault is None:
        return found
    bounds = [("at least", at_least), ("at most", at_most)]
    wanted = " and ".join(
        f"{how} {bound:g}" for how, bound in bounds if bound is not None
    )
    if target is not None:
        wanted += f", for the target {_targets(target)}"
    is_plain = at_least == 1.0 and at_most is None and found.value == 0.0
    reason = fault.removeprefix(f"{found.scorer} ")
    if is_plain:
        reason = found.explanation or "it does not hold"
    raise _failure(
        completion, found, reason, [f"  wanted: {shorten(wanted, _MAX_LINE)}"]
    )


def assert_exact(
    completion: Completion | str,
    target: Target,
    *,
    normalise: Sequence[str] = ("strip",),
) -> Score:
    """Assert that the text equals the target, or one of several."""
    __tracebackhide__ = _is_ours
    return _hold(
        completion,
        lambda: exact(normalise=normalise)(completion, target),
        wanted=_targets(target),
        details=word_diff,
        target=target,
    )


def assert_contains_any(
    completion: Completion | str,
    keywords: Sequence[str],
    *,
    case_sensitive: bool = False,
    whole_word: bool = False,
) -> Score:
    """Assert that at least one keyword occurs in the text."""
    __tracebackhide__ = _is_ours
    scorer = contains_any(
        keywords=keywords, case_sensitive=case_sensitive, whole_word=whole_word
    )
    wanted = f"any of {_listed(keywords)}"
    return _hold(completion, lambda: scorer(completion), wanted=wanted)


def assert_contains_all(
    completion: Completion | str,
    keywords: Sequence[str],
    *,
    case_sensitive: bool = False,
    whole_word: bool = False,
) -> Score:
    """Assert that every keyword occurs in the text."""
    __tracebackhide__ = _is_ours
    scorer = contains_all(
        keywords=keywords, case_sensitive=case_sensitive, whole_word=whole_word
    )
    wanted = f"all of {_listed(keywords)}"
    return _hold(completion, lambda: scorer(completion), wanted=wanted)


def assert_contains_none(
    completion: Completion | str,
    keywords: Sequence[str],
    *,
    case_sensitive: bool = False,
    whole_word: bool = False,
) -> Score:
    """Assert that no keyword occurs in the text."""
    __tracebackhide__ = _is_ours
    scorer = contains_none(
        keywords=keywords, case_sensitive=case_sensitive, whole_word=whole_word
    )
    wanted = f"none of {_listed(keywords)}"
    return _hold(completion, lambda: scorer(completion), wanted=wanted)


def assert_regex(
    completion: Completion | str, pattern: str, *, full: bool = False
) -> Score:
    """Assert that a regular expression is found in the text, or matches all of it."""
    __tracebackhide__ = _is_ours
    scorer = regex(pattern=pattern, full=full)
    wanted = f"{'a full' if full else 'a'} match of {pattern!r}"
    return _hold(completion, lambda: scorer(completion), wanted=wanted)


def assert_numeric(
    completion: Completion | str,
    target: float,
    *,
    rel_tol: float = 1e-6,
    abs_tol: float = 0.0,
) -> Score:
    """Assert that the last number in the text is close to the target."""
    __tracebackhide__ = _is_ours
    scorer = numeric(rel_tol=rel_tol, abs_tol=abs_tol)
    wanted = f"{target:g} (rel_tol={rel_tol:g}, abs_tol={abs_tol:g})"
    return _hold(completion, lambda: scorer(completion, target), wanted=wanted)


def assert_choice(
    completion: Completion | str, target: str | int, *, choices: Sequence[str] = ()
) -> Score:
    """Assert that the text picks a choice, named by its letter or index."""
    __tracebackhide__ = _is_ours
    sample = Sample(id="assert", input="", choices=tuple(choices))
    scorer = choice()
    wanted = f"choice {target!r}"
    return _hold(completion, lambda: scorer(completion, target, sample), wanted=wanted)


def assert_json_schema(
    completion: Completion | str,
    schema: Mapping[str, Any] | str,
    *,
    fenced: bool = True,
) -> Score:
    """Assert that the text is JSON that satisfies a JSON Schema."""
    __tracebackhide__ = _is_ours
    scorer: Scorer = json_schema(schema=schema, fenced=fenced)
    return _hold(
        completion, lambda: scorer(completion), wanted="JSON of the given schema"
    )


def _hold(
    completion: Completion | str,
    judge: Callable[[], Any],
    *,
    wanted: str,
    details: Callable[[str, str], list[str]] | None = None,
    target: Target = None,
) -> Score:
    __tracebackhide__ = _is_ours
    found: Score = judge()
    if found.value == 1.0:
        return found
    lines = [f"  wanted: {shorten(wanted, _MAX_LINE)}"]
    more = []
    if details is not None and isinstance(target, str):
        text = completion if isinstance(completion, str) else completion.text
        more = ["  difference (- wanted, + text):", *details(target, text)]
    raise _failure(completion, found, found.explanation or "no match", lines, more)


def _failure(
    completion: Completion | str,
    found: Score,
    reason: str,
    wanted: Sequence[str],
    details: Sequence[str] = (),
) -> LlmAssertionError:
    """Return the error that shows why, what was wanted, the text, then details."""
    text = completion if isinstance(completion, str) else completion.text
    by = "" if isinstance(completion, str) else f" ({completion.model})"
    first, *others = [shorten(part, _MAX_LINE) for part in reason.split("; ")]
    lines = [f"{found.scorer}{by}: {first}", *(f"{_INDENT}{each}" for each in others)]
    lines += [*wanted, "  text:", *quoted(text), *details]
    return LlmAssertionError(shown(lines), score=found)


def shown(lines: Sequence[str]) -> str:
    """Return lines as people may see them: without secrets and control characters."""
    return escape_control(redact("\n".join(lines)))


def quoted(text: str) -> list[str]:
    """Return the indented lines of a text, the middle of a long one left out."""
    if not text:
        return [f"{_INDENT}(empty)"]
    shown = text
    if len(text) > _MAX_TEXT:
        half = _MAX_TEXT // 2
        left_out = len(text) - 2 * half
        shown = f"{text[:half]}\n[… {left_out} characters …]\n{text[-half:]}"
    return [f"{_INDENT}{line}" for line in shown.splitlines()]


def word_diff(
    target: str, text: str, *, show: Callable[[str], str] = repr
) -> list[str]:
    """Show which words differ; runs of equal words are shortened.

    Args:
        target: what was wanted, marked `-` where it differs.
        text: what came, marked `+`.
        show: how words are written; `ascii` tells letters apart that look the same.
    """
    before, after = re.findall(r"\s+|\S+", target), re.findall(r"\s+|\S+", text)
    lines = []
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if kind == "equal":
            lines.append(f"{_INDENT}  {_ends(before[a0:a1], show)}")
            continue
        if a1 > a0:
            lines.append(f"{_INDENT}- {show(''.join(before[a0:a1]))}")
        if b1 > b0:
            lines.append(f"{_INDENT}+ {show(''.join(after[b0:b1]))}")
    return lines


def _ends(words: Sequence[str], show: Callable[[str], str]) -> str:
    keep = 8
    if len(words) <= 2 * keep:
        return show("".join(words))
    return f"{show(''.join(words[:keep]))} … {show(''.join(words[-keep:]))}"


def _targets(target: Target) -> str:
    values = target if isinstance(target, tuple) else (target,)
    return " or ".join(map(repr, values))


def _listed(keywords: Sequence[str]) -> str:
    return ", ".join(map(repr, keywords))
