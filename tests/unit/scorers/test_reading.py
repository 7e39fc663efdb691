"""Languages, and how hard a text is to read."""

from typing import Any

import pytest

from llmlab_pytest.core import ConfigError
from llmlab_pytest.scorers import language, readability, score, threshold
from llmlab_pytest.scorers._reading import _syllables

TEXTS = {
    "en": "The weather is fine today, and we are going for a long walk by the river.",
    "fr": "Il fait beau aujourd'hui et nous allons nous promener au bord de l'eau.",
    "de": "Das Wetter ist heute schön, und wir machen einen langen Spaziergang.",
    "es": "Hoy hace buen tiempo y vamos a dar un largo paseo por la orilla del río.",
    "ru": "Сегодня хорошая погода, и мы идём на долгую прогулку вдоль реки.",
    "zh-cn": "今天天气很好。我们要去河边散步。我们会走很长时间。",
}


@pytest.mark.parametrize("code", TEXTS)
def test_language_is_told_by_its_code(code: str) -> None:
    """The target or one of the codes is the language; others are a miss."""
    assert score(TEXTS[code], language(), target=code).value == 1.0
    assert score(TEXTS[code], language(codes=["it", code])).value == 1.0
    missed = score(TEXTS[code], language(codes=["it", "pt"]))
    assert missed.explanation == f"the language is {code}, expected it or pt"


def test_language_without_its_variant_is_enough() -> None:
    """`zh` is both ways of writing Chinese; a text without letters has no language."""
    assert score(TEXTS["zh-cn"], language(codes=["zh"])).value == 1.0
    nothing = score("1 + 1 = 2", language(codes=["en"]))
    assert nothing.explanation == "there is nothing to tell a language by"


SHORT = "The cat sat. The dog ran. We saw a bird."
LONG = (
    "Notwithstanding considerable international cooperation, comprehensive "
    "environmental legislation remains extraordinarily controversial."
)


def test_readability_is_what_the_formulas_say() -> None:
    """Worked by hand: 28 letters, 10 syllables and words, 3 sentences, no long word."""
    formulas = ("automated", "coleman_liau", "lix", "flesch", "flesch_kincaid")
    values = [score(SHORT, readability(formula=each)).value for each in formulas]
    assert values == pytest.approx(
        [
            4.71 * 28 / 10 + 0.5 * 10 / 3 - 21.43,
            0.0588 * (100 * 28 / 10) - 0.296 * (100 * 3 / 10) - 15.8,
            10 / 3 + 100 * 0 / 10,
            206.835 - 1.015 * 10 / 3 - 84.6 * 10 / 10,
            0.39 * 10 / 3 + 11.8 * 10 / 10 - 15.59,
        ]
    )


@pytest.mark.parametrize(
    ("word", "count"),
    [
        *(
            ("a", 1),
            ("cat", 1),
            ("make", 1),
            ("little", 2),
            ("apples", 2),
            ("needed", 2),
        ),
        *(("walked", 1), ("names", 1), ("boxes", 2), ("rules", 1), ("whale", 1)),
        *(("media", 3), ("radio", 3), ("nation", 2), ("special", 2), ("language", 2)),
        *(("going", 2), ("people", 2), ("prism", 2), ("hmm", 1), ("readability", 5)),
        *(("environmental", 5), ("information", 4), ("university", 5), ("don't", 1)),
    ],
)
def test_syllables_are_those_of_the_dictionary(word: str, count: int) -> None:
    """As the CMU Pronouncing Dictionary has them."""
    assert _syllables(word) == count


@pytest.mark.parametrize(
    "formula", ["automated", "coleman_liau", "flesch_kincaid", "lix"]
)
def test_hard_text_is_above_an_easy_one(formula: str) -> None:
    """Each formula puts officialese above a primer; a bar makes yes and no of it."""
    easy, hard = (
        score(text, readability(formula=formula)).value for text in (SHORT, LONG)
    )
    assert easy is not None
    assert hard is not None
    assert hard > easy + 10
    bar = threshold(readability(formula=formula), at_most=easy)
    assert (score(SHORT, bar).value, score(LONG, bar).value) == (1.0, 0.0)


def test_text_without_words_has_no_readability() -> None:
    """There is nothing to read, which is no easy text."""
    found: Any = readability()("... !")
    assert (found.value, found.explanation) == (None, "there are no words")


def test_wrong_setting_is_refused() -> None:
    """Formulas are named; codes are a list."""
    with pytest.raises(ConfigError, match="coleman_liau, flesch, flesch_kincaid"):
        readability(formula="smog")
    with pytest.raises(ConfigError, match="list of texts"):
        language(codes="en")
