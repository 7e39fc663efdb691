"""Scorers of the tone of a text, by VADER's lexicon and rules (Hutto and Gilbert 2014).

Made for short English texts such as posts and replies. Left out: irony, and long texts
of mixed tone, whose sum says little.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from llmlab_pytest.core import Completion, Sample, Score, Target, load, unknown_name
from llmlab_pytest.scorers._judgement import Finding, check_texts, target_scorer
from llmlab_pytest.scorers._protocol import Scorer, text_of
from llmlab_pytest.scorers._text import targets_of

_NEUTRAL_BELOW = 0.05
"""The compound score from which its authors call a text positive or negative."""
_TONES = ("positive", "neutral", "negative")


def sentiment(*, tones: Sequence[str] | None = None) -> Scorer:
    """Score 1 if the text has a tone, by default the target.

    Args:
        tones: some of `positive`, `neutral` and `negative`, one of which is enough.

    Raises:
        ConfigError: a tone is unknown.
        MissingDependency: vaderSentiment is not installed.
    """
    check_texts("tones", tones)
    _checked(tones or ())
    _analyser()

    def look(text: str, target: Target) -> Finding:
        wanted = _checked(targets_of(target) if tones is None else tones)
        compound = _compound(text)
        tone = _tone(compound)
        fault = f"the tone is {tone} ({compound:+.2f}), expected {' or '.join(wanted)}"
        return Finding(None if tone in wanted else fault, tone)

    return target_scorer("sentiment", look)


def polarity() -> Scorer:
    """Score VADER's compound, from -1 (most negative) to 1 (most positive).

    Raises:
        MissingDependency: vaderSentiment is not installed.
    """
    _analyser()

    def score(
        completion: Completion | str,
        target: Target = None,
        sample: Sample | None = None,
    ) -> Score:
        del target, sample
        compound = _compound(text_of(completion))
        return Score(scorer="polarity", value=compound, answer=_tone(compound))

    return score


def _tone(compound: float) -> str:
    if compound >= _NEUTRAL_BELOW:
        return "positive"
    return "negative" if compound <= -_NEUTRAL_BELOW else "neutral"


def _compound(text: str) -> float:
    return float(_analyser().polarity_scores(text)["compound"])


def _checked(tones: Sequence[str]) -> Sequence[str]:
    for tone in tones:
        if tone not in _TONES:
            raise unknown_name("tone", tone, list(_TONES), where="sentiment")
    return tones


@cache
def _analyser() -> Any:
    return load(
        "vaderSentiment.vaderSentiment:SentimentIntensityAnalyzer",
        extra="scorers",
        needed_by="the scorer sentiment",
    )()
