"""Exact match after extraction, with the options of lm-eval 0.4.13.

A regular expression finds the answer (filter `regex` with `group_select`, then
`take_first`); the metric `exact_match` then removes patterns from both sides, lowers
the case, strips punctuation and compares.
"""

import re
import string
from collections.abc import Sequence

from llmlab_pytest.core import Completion, Score, Target
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of

_PUNCTUATION = str.maketrans("", "", string.punctuation)


def exact_match(
    *,
    pattern: str | None = None,
    group_select: int = 0,
    fallback: str = "[invalid]",
    regexes_to_ignore: Sequence[str] = (),
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
) -> Scorer:
    r"""Score 1 if the extracted answer equals the target.

    Args:
        pattern: finds the answer; `None` takes the whole text.
        group_select: which match: 0 the first, -1 the last. Of several groups the
            first that is not empty counts.
        fallback: the answer when nothing matches.
        regexes_to_ignore: removed from answer and target, in this order.
        ignore_case: compare in lower case.
        ignore_punctuation: strip ASCII punctuation from both sides.
    """
    finder = None if pattern is None else re.compile(pattern)
    ignored = [re.compile(expression) for expression in regexes_to_ignore]

    def clean(text: str) -> str:
        for expression in ignored:
            text = expression.sub("", text)
        if ignore_case:
            text = text.lower()
        return text.translate(_PUNCTUATION) if ignore_punctuation else text

    def score(completion: Completion | str, target: Target) -> Score:
        text = text_of(completion)
        answer = _extracted(finder, text, group_select, fallback) if finder else text
        wanted = [clean(accepted) for accepted in targets_of(target)]
        is_right = clean(answer) in wanted
        return Score(
            scorer="exact_match",
            value=float(is_right),
            answer=answer,
            explanation=None if is_right else f"expected {wanted[0]!r}",
        )

    return score


def _extracted(
    finder: re.Pattern[str], text: str, group_select: int, fallback: str
) -> str:
    matches = finder.findall(text)
    # An index outside the matches raises in lm-eval; with 0 and -1 it cannot happen.
    if not matches:
        return fallback
    match = matches[group_select]
    if isinstance(match, tuple):
        match = next((group for group in match if group), fallback)
    return str(match).strip()
