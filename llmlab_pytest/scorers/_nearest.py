"""Scorers whose value is that of the target which the text is nearest to."""

from collections.abc import Callable

from llmlab_pytest.core import Completion, Sample, Score, Target, shorten
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of


def nearest_scorer(
    name: str,
    measure: Callable[[str, str], float],
    clean: Callable[[str], str],
) -> Scorer:
    """Return a scorer of how near a text is to a target, of several the nearest.

    Args:
        name: of the scorer.
        measure: from text and target, both cleaned, to a value; 1 is the same.
        clean: what is done to both sides first.
    """

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del sample
        answer = clean(text_of(completion))
        found = {each: measure(answer, clean(each)) for each in targets_of(target)}
        nearest = max(found, key=found.__getitem__)
        value = found[nearest]
        told = f"nearest to {shorten(nearest)!r}"
        explanation = None if value == 1 else told
        return Score(scorer=name, value=value, answer=answer, explanation=explanation)

    return score
