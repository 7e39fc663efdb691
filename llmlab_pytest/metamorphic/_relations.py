"""How answers may differ when prompts do."""

from collections.abc import Sequence
from typing import Any, Protocol

from llmlab_pytest.asserting import LlmAssertionError, quoted, shown, word_diff
from llmlab_pytest.core import Completion, Score, Target
from llmlab_pytest.scorers import AnyScorer, exact, score

SAME_WORDS = exact(normalise=("casefold", "punctuation", "whitespace"))
"""The scorer of answers whose words are the same."""


class Asked(Protocol):
    """What the fixture `llm` is here: something that answers several prompts."""

    def map(self, prompts: Sequence[str], **decoding: Any) -> Sequence[Completion]:
        """Answer each prompt."""
        ...


def _is_ours(excinfo: Any) -> bool:
    return bool(excinfo.errisinstance(LlmAssertionError))


def assert_same_answer(
    llm: Asked,
    original: str,
    changed: str,
    *,
    scorer: AnyScorer = SAME_WORDS,
    target: Target = None,
    at_least: float = 1.0,
    **decoding: Any,
) -> Score:
    """Assert that a changed prompt is answered as the original one is.

    Without a target the scorer compares the two answers: that to the original prompt is
    the target of the other. With a target both answers are scored by it, and have to be
    right together or wrong together.

    Args:
        llm: the model.
        original: the unchanged prompt.
        changed: the other one.
        scorer: anything that `assert_score` takes; by default the words of the answers
            have to be the same, whatever their case and punctuation.
        target: the reference answer, if what counts is whether answers are right.
        at_least: the lowest value of the scorer that counts as the same, or as right.
        decoding: as for `llm(…)`.

    Returns:
        The score of the answer to the changed prompt.

    Raises:
        LlmAssertionError: the answer is another one.
    """
    __tracebackhide__ = _is_ours
    prompts = list(dict.fromkeys((original, changed)))
    replies = llm.map(prompts, **decoding)
    before, after = replies[0], replies[-1]
    wanted = before.text if target is None else target
    found = score(after, scorer, target=wanted)
    reason = found.explanation or f"the value is {found.value}"
    is_same = _is_right(found, at_least)
    if target is not None:
        other = score(before, scorer, target=target)
        is_same = is_same == _is_right(other, at_least)
        reason = f"the value was {other.value} and is {found.value}"
    if is_same:
        return found
    lines = [f"{found.scorer} ({after.model}): the answer changes with the prompt"]
    lines += [f"    {reason}", "  changed prompt:", *quoted(changed)]
    lines += [
        "  its changes (- original, + changed):",
        *word_diff(original, changed, show=ascii),
    ]
    lines += ["  answer to the original prompt:", *quoted(before.text)]
    lines += ["  answer to the changed prompt:", *quoted(after.text)]
    raise LlmAssertionError(shown(lines), score=found)


def _is_right(found: Score, at_least: float) -> bool:
    return found.value is not None and found.value >= at_least
