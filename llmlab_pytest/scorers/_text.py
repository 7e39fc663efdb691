"""Scorers that compare text: exact, keywords, regex."""

import re
from collections.abc import Callable, Sequence

from llmlab_pytest.core import Completion, ConfigError, Score, Target
from llmlab_pytest.scorers._normalise import DEFAULT, normaliser_of
from llmlab_pytest.scorers._protocol import Scorer, text_of


def exact(*, normalise: Sequence[str] = DEFAULT) -> Scorer:
    """Score 1 if the text equals the target, or any of several, after normalisation.

    Args:
        normalise: names from `strip`, `casefold`, `whitespace`, `punctuation`,
            `articles`, `unicode`, `thousands`; applied in this order to both sides.
    """
    clean = normaliser_of(normalise)

    def score(completion: Completion | str, target: Target) -> Score:
        answer = clean(text_of(completion))
        accepted = [clean(text) for text in targets_of(target)]
        is_right = answer in accepted
        return Score(
            scorer="exact",
            value=float(is_right),
            answer=answer,
            explanation=None if is_right else f"expected {_either(accepted)}",
        )

    return score


def contains_any(
    *,
    keywords: Sequence[str] | None = None,
    case_sensitive: bool = False,
    whole_word: bool = False,
) -> Scorer:
    """Score 1 if at least one keyword occurs; keywords default to the target.

    Args:
        keywords: what is looked for; by default the target, or several.
        case_sensitive: whether "paris" is not "Paris".
        whole_word: whether "cow" is not in "cowboy".
    """
    return _keyword_scorer(
        "contains_any",
        any,
        keywords,
        _Finder(case_sensitive=case_sensitive, whole_word=whole_word),
    )


def contains_all(
    *,
    keywords: Sequence[str] | None = None,
    case_sensitive: bool = False,
    whole_word: bool = False,
) -> Scorer:
    """Score 1 if every keyword occurs; keywords default to the target.

    Args:
        keywords: as for `contains_any`.
        case_sensitive: whether "paris" is not "Paris".
        whole_word: whether "cow" is not in "cowboy".
    """
    return _keyword_scorer(
        "contains_all",
        all,
        keywords,
        _Finder(case_sensitive=case_sensitive, whole_word=whole_word),
    )


def contains_none(
    *,
    keywords: Sequence[str] | None = None,
    case_sensitive: bool = False,
    whole_word: bool = False,
) -> Scorer:
    """Score 1 if no keyword occurs; keywords default to the target.

    Args:
        keywords: as for `contains_any`.
        case_sensitive: whether "paris" is not "Paris".
        whole_word: whether "cow" is not in "cowboy".
    """

    def none_of(found: Sequence[bool]) -> bool:
        return not any(found)

    finder = _Finder(case_sensitive=case_sensitive, whole_word=whole_word)
    return _keyword_scorer(
        "contains_none",
        none_of,
        keywords,
        finder,
        faults=lambda present, _: [f"found {_listed(present)}"],
    )


def regex(*, pattern: str | None = None, full: bool = False, group: int = 0) -> Scorer:
    """Score 1 if the pattern, by default the target, is found in the text.

    Args:
        pattern: a Python regular expression; as slow as you write it.
        full: the whole text must match, not a part of it.
        group: the group that becomes the score's answer.

    Raises:
        ConfigError: the pattern does not compile, or has no such group.
    """
    compiled = None if pattern is None else _compiled(pattern, group)

    def score(completion: Completion | str, target: Target = None) -> Score:
        expression = compiled or _compiled(targets_of(target)[0], group)
        text = text_of(completion)
        match = expression.fullmatch(text) if full else expression.search(text)
        return Score(
            scorer="regex",
            value=float(match is not None),
            answer=match.group(group) if match else None,
            explanation=None if match else f"no match of {expression.pattern!r}",
        )

    return score


def targets_of(target: Target) -> tuple[str, ...]:
    """Return every accepted answer as text.

    Raises:
        ConfigError: there is no target.
    """
    if target is None:
        raise ConfigError(
            "The sample has no target, and the scorer needs one.",
            fix="Give each row a 'target', or the scorer its keywords or pattern.",
        )
    values = target if isinstance(target, tuple) else (target,)
    return tuple(map(str, values))


class _Finder:
    """Looks for one keyword in a text."""

    def __init__(self, *, case_sensitive: bool, whole_word: bool) -> None:
        self._fold = (lambda text: text) if case_sensitive else str.casefold
        self._whole_word = whole_word

    def __call__(self, keyword: str, text: str) -> bool:
        keyword, text = self._fold(keyword), self._fold(text)
        if not self._whole_word:
            return keyword in text
        # \b is Unicode-aware but fails where a keyword begins or ends in punctuation.
        return bool(re.search(rf"(?<!\w){re.escape(keyword)}(?!\w)", text))


def _keyword_scorer(
    name: str,
    decide: Callable[[list[bool]], bool],
    keywords: Sequence[str] | None,
    find: _Finder,
    *,
    faults: Callable[[Sequence[str], Sequence[str]], list[str]] | None = None,
) -> Scorer:
    if isinstance(keywords, str):
        raise ConfigError(f"keywords is {keywords!r}.", allowed="It takes a list.")

    def score(completion: Completion | str, target: Target = None) -> Score:
        wanted = targets_of(target) if keywords is None else tuple(keywords)
        text = text_of(completion)
        found = [find(keyword, text) for keyword in wanted]
        pairs = list(zip(wanted, found, strict=True))
        present = [keyword for keyword, is_there in pairs if is_there]
        missing = [keyword for keyword, is_there in pairs if not is_there]
        is_right = decide(found)
        return Score(
            scorer=name,
            value=float(is_right),
            answer=", ".join(present) or None,
            explanation=None
            if is_right
            else "; ".join((faults or _faults)(present, missing)),
        )

    return score


def _faults(present: Sequence[str], missing: Sequence[str]) -> list[str]:
    return [f"found {_listed(present)}", f"missing {_listed(missing)}"]


def _compiled(pattern: str, group: int) -> re.Pattern[str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"The pattern {pattern!r} is no regular expression: {error}.",
            allowed="Patterns follow Python's re module.",
        ) from error
    if not 0 <= group <= expression.groups:
        raise ConfigError(
            f"The pattern {pattern!r} has no group {group}.",
            allowed=f"It has {expression.groups}; 0 is the whole match.",
        )
    return expression


def _either(texts: Sequence[str]) -> str:
    return " or ".join(map(repr, texts))


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(map(repr, texts)) or "none"
