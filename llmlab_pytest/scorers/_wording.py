"""Scorers of how a text is worded: its ends, one option of several, its length."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import get_args

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    Sample,
    Score,
    StopReason,
    Target,
    shorten,
    unknown_name,
)
from llmlab_pytest.scorers._judgement import (
    Finding,
    check_choice,
    check_texts,
    judged,
    target_scorer,
    text_scorer,
)
from llmlab_pytest.scorers._linguistics import count_sentences
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of

_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n")


def starts_with(
    *, prefixes: Sequence[str] | None = None, case_sensitive: bool = False
) -> Scorer:
    """Score 1 if the text begins with a prefix, by default the target.

    White space before the text does not count.

    Args:
        prefixes: one of them is enough.
        case_sensitive: whether "paris" is not "Paris".
    """
    check_texts("prefixes", prefixes)
    return _end_scorer(
        "starts_with", str.startswith, prefixes, case_sensitive=case_sensitive
    )


def ends_with(
    *, suffixes: Sequence[str] | None = None, case_sensitive: bool = False
) -> Scorer:
    """Score 1 if the text ends with a suffix, by default the target.

    White space after the text does not count.

    Args:
        suffixes: one of them is enough.
        case_sensitive: whether "paris" is not "Paris".
    """
    check_texts("suffixes", suffixes)
    return _end_scorer(
        "ends_with", str.endswith, suffixes, case_sensitive=case_sensitive
    )


def one_of(
    *, options: Sequence[str] | None = None, case_sensitive: bool = False
) -> Scorer:
    """Score 1 if the text names exactly one option: the target, if there is one.

    For answers out of a closed set, as "positive" or "negative". Options are found as
    whole words, the longest first: "very good" does not name "good" too. What is said
    of an option is not understood: "not positive" names "positive".

    Args:
        options: what may be named; by default the choices of the sample.
        case_sensitive: whether "positive" is not "Positive".

    Raises:
        ConfigError: while scoring, there are no options, or the target is none.
    """
    check_texts("options", options)

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        allowed = tuple(options or (sample.choices if sample else ()))
        wanted = _wanted_option(target, allowed)
        named = _named_options(
            text_of(completion), allowed, case_sensitive=case_sensitive
        )
        answer = named[0] if len(named) == 1 else None
        if answer is not None and wanted in (None, answer):
            return judged("one_of", Finding(None, answer))
        found = " and ".join(map(repr, named)) or "none of the options"
        fault = f"named {found}"
        fault += "" if wanted is None else f", expected {wanted!r}"
        return judged("one_of", Finding(fault, answer))

    return score


def stop_reason(*, reasons: Sequence[str] = ("stop",)) -> Scorer:
    """Score 1 if the answer ended as it should; a text without a model has no score.

    Args:
        reasons: some of `stop` (by itself, or at a stop text), `length` (cut off at
            `max_tokens`), `tool_calls`, `content_filter` and `unknown`.

    Raises:
        ConfigError: a reason is unknown.
    """
    check_texts("reasons", reasons)
    known = list(get_args(StopReason))
    for reason in reasons:
        if reason not in known:
            raise unknown_name("reason", reason, known, where="stop_reason")

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del target, sample
        if isinstance(completion, str) or not completion.model:
            told = "only a model's answer has a reason"
            return Score(scorer="stop_reason", value=None, explanation=told)
        found = completion.stop_reason
        fault = f"it ended by {found}, expected {' or '.join(reasons)}"
        return judged(
            "stop_reason", Finding(None if found in reasons else fault, found)
        )

    return score


def length(
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    unit: str = "words",
) -> Scorer:
    """Score 1 if the text is as long as asked.

    Args:
        at_least: the shortest that passes, in units.
        at_most: the longest that passes, in units.
        unit: `words` (what white space parts), `characters` (code points), `bytes` (of
            UTF-8), `sentences` (English, by nltk's Punkt), `lines` or `paragraphs`
            (parted by empty lines).

    Raises:
        ConfigError: no bound is given, or the unit is unknown.
        MissingDependency: sentences are counted without nltk.
    """
    check_choice("unit", unit, tuple(_COUNTS))
    if at_least is None and at_most is None:
        raise ConfigError(
            "length has no bound.", allowed="It takes at_least, at_most or both."
        )
    count = _COUNTS[unit]

    def look(text: str) -> Finding:
        found = count(text)
        told = f"{found} {unit}"
        if at_least is not None and found < at_least:
            return Finding(f"{told}, at least {at_least} are asked for", told)
        if at_most is not None and found > at_most:
            return Finding(f"{told}, at most {at_most} are asked for", told)
        return Finding(None, told)

    return text_scorer("length", look)


_COUNTS: Mapping[str, Callable[[str], int]] = {
    "words": lambda text: len(text.split()),
    "characters": len,
    "bytes": lambda text: len(text.encode(errors="surrogatepass")),
    "sentences": count_sentences,
    "lines": lambda text: len(text.splitlines()),
    "paragraphs": lambda text: sum(map(bool, map(str.strip, _paragraphs(text)))),
}


def _paragraphs(text: str) -> list[str]:
    return _PARAGRAPH_END.split(text)


def _end_scorer(
    name: str,
    holds: Callable[[str, str], bool],
    ends: Sequence[str] | None,
    *,
    case_sensitive: bool,
) -> Scorer:
    fold: Callable[[str], str] = str if case_sensitive else str.casefold

    def look(text: str, target: Target) -> Finding:
        wanted = targets_of(target) if ends is None else tuple(ends)
        stripped = fold(text.strip())
        found = [end for end in wanted if holds(stripped, fold(end))]
        if found:
            return Finding(None, found[0])
        listed = " or ".join(map(repr, wanted))
        part = "begins" if name == "starts_with" else "ends"
        shown = text.strip()[:40] if name == "starts_with" else text.strip()[-40:]
        return Finding(f"the text {part} {shorten(shown)!r}, expected {listed}")

    return target_scorer(name, look)


def _wanted_option(target: Target, allowed: Sequence[str]) -> str | None:
    if not allowed:
        raise ConfigError(
            "one_of has no options.",
            fix="Give it options = [...], or each row its 'choices'.",
        )
    if isinstance(target, int) and 0 <= target < len(allowed):
        return allowed[target]
    if target is None or target in allowed:
        return None if target is None else str(target)
    raise ConfigError(
        f"The target {target!r} is none of the options.",
        allowed=f"It is one of {', '.join(map(repr, allowed))}, or its index.",
    )


def _named_options(
    text: str,
    allowed: Sequence[str],
    *,
    case_sensitive: bool,
) -> list[str]:
    """Return the options that a text names as whole words, each once."""
    fold: Callable[[str], str] = str if case_sensitive else str.casefold
    spelled = {fold(option): option for option in allowed}
    longest_first = sorted(map(re.escape, spelled), key=len, reverse=True)
    finder = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)")
    return list(dict.fromkeys(spelled[found] for found in finder.findall(fold(text))))
