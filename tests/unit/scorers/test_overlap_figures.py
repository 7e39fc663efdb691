"""BLEU, ROUGE, METEOR, GLEU, SQuAD: the figures of the libraries, and their laws.

`squad_official.json` was written by SQuAD's own script v2.0 on texts of ours.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer
from nltk.translate.gleu_score import sentence_gleu
from nltk.translate.meteor_score import meteor_score
from rouge_score.rouge_scorer import RougeScorer

from llmlab_pytest.core import ConfigError, MissingDependency
from llmlab_pytest.scorers import (
    bleu,
    chrf,
    corpus_bleu,
    gleu,
    meteor,
    rouge,
    score,
    squad_exact,
    squad_f1,
    ter,
)
from llmlab_pytest.scorers._linguistics import words_and_signs

PAIRS = [
    ("The cat sat on the mat.", "The cat is sitting on the mat."),
    ("It is a guide to action which ensures it.", "It is a guide to action."),
    ("Paris", "Paris"),
    ("running quickly, he fell", "He ran quick and falls"),
    ("nothing alike", "quite other words"),
    ("One.\nTwo lines here.", "Two lines.\nOne line here."),
]
ROUGES = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
WORDS = st.lists(
    st.sampled_from(
        ["the", "a", "cat", "cats", "dog", "run", "runs", "running", ".", ","]
    ),
    max_size=12,
).map(" ".join)


class Synonyms:
    """A tiny WordNet: what nltk asks of one, for two words."""

    def synsets(self, word: str) -> list[Any]:
        """Return one set that holds both words, for either."""
        return [self] if word in ("car", "auto") else []

    def lemmas(self) -> list[Any]:
        """Return the words of the set."""
        return [Lemma("car"), Lemma("auto")]


class Lemma:
    """A word of a set of synonyms."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        """Return the word."""
        return self._name


class Nothing:
    """A WordNet without a word."""

    def synsets(self, word: str) -> list[Any]:
        """Return no set of synonyms."""
        del word
        return []


@pytest.mark.parametrize(("text", "target"), PAIRS)
def test_bleu_chrf_and_ter_are_sacrebleu(text: str, target: str) -> None:
    """Sentence and corpus figures are those of the library's own functions."""
    sentence = bleu(tokenize="13a", effective_order=True)
    figures = {
        "sentence": sacrebleu.sentence_bleu(text, [target]).score,
        "corpus": sacrebleu.corpus_bleu([text], [[target]]).score,
        "chrf": sacrebleu.sentence_chrf(text, [target]).score,
        "ter": sacrebleu.sentence_ter(text, [target]).score,
    }
    scorers = (sentence, corpus_bleu(), chrf(), ter())
    values = [score(text, scorer, target=target).value for scorer in scorers]
    assert values == pytest.approx(list(figures.values()))


@pytest.mark.parametrize("variant", ROUGES)
@pytest.mark.parametrize("stemmer", [False, True])
def test_rouge_is_rouge_score(variant: str, stemmer: bool) -> None:
    """Every variant, with and without stems, precision, recall and F-measure."""
    measure = RougeScorer([variant], use_stemmer=stemmer)
    for text, target in PAIRS:
        figures = measure.score(target, text)[variant]
        for part in ("precision", "recall", "fmeasure"):
            scorer = rouge(variant=variant, part=part, stemmer=stemmer)
            found = score(text, scorer, target=target)
            assert found.value == pytest.approx(100 * getattr(figures, part))
            assert found.scorer == variant


def test_rougel_crosses_lines_and_rougelsum_does_not() -> None:
    """The longest common subsequence is of the whole text, or line by line."""
    text, target = PAIRS[-1]
    whole, lines = (
        score(text, rouge(variant=variant), target=target).value
        for variant in ("rougeL", "rougeLsum")
    )
    assert (whole, lines) == (pytest.approx(200 / 3), pytest.approx(800 / 9))


@pytest.mark.parametrize(("text", "target"), PAIRS)
def test_meteor_is_nltk(text: str, target: str) -> None:
    """The figure of nltk on its own words, with a WordNet that knows no synonym."""
    words, reference = words_and_signs(text), words_and_signs(target)
    figure = meteor_score([reference], words, wordnet=Nothing())
    found = score(text, meteor(synonyms=False), target=target)
    assert found.value == pytest.approx(figure)
    gentle = score(text, meteor(synonyms=False, gamma=0.1), target=target).value
    assert gentle == pytest.approx(
        meteor_score([reference], words, wordnet=Nothing(), gamma=0.1)
    )


def test_meteor_matches_stems_and_synonyms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stems match always, synonyms by nltk's WordNet."""
    stem = PorterStemmer().stem
    assert stem("cats") == stem("cat")
    plain = meteor(synonyms=False)
    assert score("cats", plain, target="cat").value == 0.5
    assert score("auto", plain, target="car").value == 0.0
    monkeypatch.setattr("llmlab_pytest.scorers._translation._wordnet", Synonyms)
    assert score("auto", meteor(), target="car").value == 0.5


def test_meteor_without_wordnet_says_how_to_get_it() -> None:
    """Synonyms are not left out in silence: the published figure has them."""
    try:
        score("a", meteor(), target="a")
    except MissingDependency as error:
        told = str(error)
    else:
        pytest.skip("nltk has its WordNet here")
    assert "synonyms = false" in told
    assert "python -m nltk.downloader wordnet" in told


@settings(max_examples=50)
@given(text=WORDS, target=WORDS)
def test_gleu_is_nltk(text: str, target: str) -> None:
    """The figure of nltk on what white space parts, for any length of n-grams."""
    for most in (1, 4):
        figure = sentence_gleu([target.split()], text.split(), max_len=most)
        assert score(text, gleu(most=most), target=target).value == figure


@settings(max_examples=50)
@given(text=WORDS, target=WORDS)
def test_likeness_is_bounded_and_highest_for_equals(text: str, target: str) -> None:
    """Nothing is below 0, and no text is more like a target than the target itself."""
    for scorer in (meteor(synonyms=False), gleu(), squad_f1(), squad_exact()):
        value = score(text, scorer, target=target).value
        own = score(target, scorer, target=target).value
        assert value is not None
        assert own is not None
        assert 0 <= value <= 1
        assert value <= own + 1e-9


OFFICIAL = json.loads(
    (Path(__file__).parent / "squad_official.json").read_text(encoding="utf-8")
)


def test_squad_is_the_official_script() -> None:
    """Exact match and F1 are the script's, with the best of several targets."""
    assert len(OFFICIAL) > 60
    for row in OFFICIAL:
        for scorer, figure in ((squad_exact(), "exact"), (squad_f1(), "f1")):
            found = score(row["text"], scorer, target=tuple(row["targets"]))
            assert found.value == pytest.approx(row[figure], abs=1e-11), row


@given(text=WORDS, target=WORDS)
def test_squad_f1_is_symmetric_and_above_the_exact_match(
    text: str, target: str
) -> None:
    """Either side may be the target; what is equal shares all its words."""
    there = score(text, squad_f1(), target=target).value
    back = score(target, squad_f1(), target=text).value
    exact = score(text, squad_exact(), target=target).value
    assert there == pytest.approx(back)
    assert exact is not None
    assert there is not None
    assert exact <= there


def test_squad_names_the_nearest_target() -> None:
    """The miss shows what came closest, the answer what was compared."""
    found = score("In Paris, France!", squad_f1(), target=("Lyon", "the Paris"))
    assert (found.value, found.answer) == (0.5, "in paris france")
    assert found.explanation == "nearest to 'the Paris'"


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: bleu(tokenize="spm"), "intl, 13a"),
        (lambda: rouge(variant="rouge3"), "rougeLsum"),
        (lambda: rouge(part="f1"), "fmeasure, precision, recall"),
        (lambda: gleu(most=0), "At least 1"),
    ],
    ids=["tokenizer", "variant", "part", "most"],
)
def test_wrong_setting_is_refused(make: Any, shown: str) -> None:
    """What the libraries do not know is a configuration error."""
    with pytest.raises(ConfigError, match=shown):
        make()
