"""Perturbations: what they change, and that they shrink to the unchanged text."""

import string
import unicodedata
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from llmlab_pytest import ConfigError
from llmlab_pytest.metamorphic import (
    IRRELEVANT,
    PARAPHRASES,
    Variant,
    changed_case,
    changes,
    paraphrased,
    perturbed,
    reordered,
    typos,
    unicode,
    variants,
    whitespace,
    with_irrelevant_context,
)

QUESTION = "What is the capital of France?"
ALONE = settings(database=None, derandomize=True)
"""Else `find` would replay what another test has found."""
STRATEGIES: dict[str, Callable[[str], st.SearchStrategy[str]]] = {
    "typos": typos,
    "changed_case": changed_case,
    "whitespace": whitespace,
    "unicode": unicode,
    "paraphrased": paraphrased,
    "with_irrelevant_context": with_irrelevant_context,
    "perturbed": perturbed,
}
SIMPLEST = {
    "typos": "Waht is the capital of France?",
    "changed_case": "what is the capital of France?",
    "whitespace": "What  is the capital of France?",
    "unicode": "\uff37hat is the capital of France?",
    "paraphrased": PARAPHRASES[0].replace("{text}", QUESTION),
    "with_irrelevant_context": f"{QUESTION} {IRRELEVANT[0]}",
    "perturbed": PARAPHRASES[0].replace("{text}", QUESTION),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_perturbations_shrink_to_the_unchanged_text(name: str) -> None:
    """The simplest value of every strategy is the text itself."""
    assert find(STRATEGIES[name](QUESTION), lambda _: True, settings=ALONE) == QUESTION


@pytest.mark.parametrize("name", STRATEGIES)
def test_perturbations_shrink_to_one_change(name: str) -> None:
    """Where the unchanged text will not do, the simplest value has one change."""
    found = find(STRATEGIES[name](QUESTION), lambda t: t != QUESTION, settings=ALONE)
    assert found == SIMPLEST[name]


def test_typos_shrink_to_the_one_that_matters() -> None:
    """Of five errors, only those are left without which the condition is not met."""
    found = find(
        typos(QUESTION, at_most=5), lambda t: "capital" not in t, settings=ALONE
    )
    assert found == "What is the cpaital of France?"


def test_perturbed_shrinks_to_one_kind() -> None:
    """A change that needs one kind is found without the others upon it."""
    strategy = perturbed(QUESTION, [unicode, whitespace, typos], at_most=3)
    found = find(strategy, lambda t: "\n" in t, settings=ALONE)
    assert (found.split(), len(found)) == (QUESTION.split(), len(QUESTION))
    assert found.count("\n") == 1


@given(typos(QUESTION, at_least=1, at_most=1))
def test_one_typo_changes_at_most_two_letters(text: str) -> None:
    """An error is in the middle or at the end of a word, and nowhere else."""
    assert text != QUESTION
    assert abs(len(text) - len(QUESTION)) <= 1
    initials = [word[0] for word in text.split()]
    assert initials == [word[0] for word in QUESTION.split()]
    assert set(text.lower()) <= {*string.ascii_lowercase, " ", "?"}


@given(changed_case(QUESTION, at_least=1))
def test_case_changes_nothing_else(text: str) -> None:
    """Letters stay the same letters."""
    assert text != QUESTION
    assert text.casefold() == QUESTION.casefold()


@given(whitespace(QUESTION, at_least=1))
def test_whitespace_changes_nothing_else(text: str) -> None:
    """Words stay the same words in their order."""
    assert text != QUESTION
    assert text.split() == QUESTION.split()


@given(unicode(QUESTION, kinds=["full_width"], at_least=1))
def test_full_width_is_compatible(text: str) -> None:
    """Wide forms become the plain ones by NFKC."""
    assert not text.isascii()
    assert unicodedata.normalize("NFKC", text) == QUESTION


@given(unicode("Où est l'été ?", kinds=["combining"], at_least=1))
def test_combining_is_another_spelling_of_the_same(text: str) -> None:
    """An accent stands apart, or an invisible mark was added."""
    assert text != "Où est l'été ?"
    shown = unicodedata.normalize("NFC", text.replace("\u034f", ""))
    assert shown == "Où est l'été ?"


@given(unicode(QUESTION, kinds=["zero_width"], at_least=2))
def test_zero_width_adds_what_has_no_width(text: str) -> None:
    """Format characters are added, and nothing is lost."""
    added = [char for char in text if unicodedata.category(char) == "Cf"]
    assert len(added) >= 2
    assert "".join(char for char in text if char not in added) == QUESTION


def test_homoglyphs_are_letters_of_the_same_look() -> None:
    """A Latin letter becomes the Cyrillic one of Unicode's table of confusables."""
    strategy = unicode("ace", kinds=["homoglyph"], at_least=3)
    found = find(strategy, lambda _: True, settings=ALONE)
    names = [unicodedata.name(char) for char in found]
    assert names == [
        "CYRILLIC SMALL LETTER A",
        "CYRILLIC SMALL LETTER ES",
        "CYRILLIC SMALL LETTER IE",
    ]


@pytest.mark.parametrize("letter", "aceijopsxyABCEHIKMOPTXY")
def test_every_homoglyph_is_one_cyrillic_letter_of_the_same_case(letter: str) -> None:
    """The pairs of the table stand in the right order."""
    strategy = unicode(letter, kinds=["homoglyph"], at_least=1)
    other = find(strategy, lambda _: True, settings=ALONE)
    assert unicodedata.name(other).startswith("CYRILLIC")
    assert other.isupper() == letter.isupper()


@given(with_irrelevant_context(QUESTION, ["One.", "Two."], at_least=1))
def test_context_stands_around_the_text(text: str) -> None:
    """Sentences come before or after, each once."""
    assert text in {
        *(f"One. {QUESTION}", f"{QUESTION} One.", f"Two. {QUESTION}"),
        *(f"{QUESTION} Two.", f"One. {QUESTION} Two.", f"Two. {QUESTION} One."),
        *(f"One. Two. {QUESTION}", f"Two. One. {QUESTION}"),
        *(f"{QUESTION} One. Two.", f"{QUESTION} Two. One."),
    }


def test_templates_keep_other_braces() -> None:
    """Only the place of the text is filled."""
    strategy = paraphrased('{"a": 1}', ["Read {this}: {text}"], at_least=1)
    found = find(strategy, lambda _: True, settings=ALONE)
    assert found == 'Read {this}: {"a": 1}'


def test_reordered_shrinks_to_the_given_order_then_to_one_exchange() -> None:
    """Options stand as given unless two have to change places."""
    assert find(reordered("abcd"), lambda _: True, settings=ALONE) == tuple("abcd")
    found = find(reordered("abcd"), lambda o: o[0] != "a", settings=ALONE)
    assert found == ("b", "a", "c", "d")


def test_variants_name_the_text_that_was_changed() -> None:
    """Of several texts, the first is the simplest, and each comes with its change."""
    strategy = variants([QUESTION, "Who wrote Faust?"], typos)
    assert find(strategy, lambda _: True, settings=ALONE) == (QUESTION, QUESTION)
    found = find(
        strategy, lambda v: v.original not in {QUESTION, v.changed}, settings=ALONE
    )
    assert found == Variant("Who wrote Faust?", "Woh wrote Faust?")


def test_changes_are_the_same_in_every_run() -> None:
    """So many different texts, none of them the unchanged one, by seed."""
    found = changes(QUESTION, count=5)
    assert len(set(found)) == 5
    assert QUESTION not in found
    assert changes(QUESTION, count=5) == found
    assert changes(QUESTION, count=5, seed=1) != found


def test_fewer_changes_come_where_there_are_fewer() -> None:
    """A text of one place has as many changes as the place."""
    found = changes("a", lambda text: unicode(text, kinds=["homoglyph"]), count=3)
    assert found == ("\u0430",)
    assert changes("1", typos) == ()


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "perturbed"])
def test_at_least_one_leaves_the_unchanged_text_out(name: str) -> None:
    """With `at_least=1` no value is the text itself."""
    strategy = partial(STRATEGIES[name], at_least=1)(QUESTION)

    @settings(database=None, max_examples=50)
    @given(strategy)
    def differs(text: str) -> None:
        assert text != QUESTION

    differs()


@pytest.mark.parametrize("name", STRATEGIES)
def test_unchanged_texts_are_seldom_drawn(name: str) -> None:
    """About a quarter of the inputs are spent on what shrinking finds anyway."""
    drawn: list[str] = []

    @settings(database=None, max_examples=400, derandomize=True)
    @given(STRATEGIES[name](QUESTION))
    def collect(text: str) -> None:
        drawn.append(text)

    collect()
    # What is drawn depends on more than the seed, on constants of loaded modules too:
    # a third is five standard errors above a quarter.
    assert drawn.count(QUESTION) <= len(drawn) / 3


@given(st.text(max_size=30), st.data())
def test_any_text_can_be_perturbed(text: str, data: st.DataObject) -> None:
    """No text is refused, whatever its script, and what is drawn is a text."""
    assert isinstance(data.draw(perturbed(text)), str)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: typos("1 2", at_least=1), "finds 0 places"),
        (lambda: typos("word", at_least=2, at_most=1), "at_least=2 and at_most=1"),
        (lambda: unicode("a", kinds=["emoji"]), r"kinds=\['emoji'\]"),
        (lambda: unicode("a", kinds="homoglyph"), "kinds='homoglyph'"),
        (lambda: paraphrased("a", ["no place"]), "'no place'"),
        (lambda: paraphrased("a", []), r"the template \[\]"),
        (lambda: perturbed("a", []), "no kinds"),
        (lambda: changes("a", count=0), "count=0"),
        (lambda: with_irrelevant_context("a", ["b"], at_least=2), "at least 2"),
    ],
    ids=[
        "nothing",
        "range",
        "kind",
        "text",
        "template",
        "none",
        "kinds",
        "count",
        "few",
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], object], told: str) -> None:
    """What cannot be done is said when the strategy is made, not while it is drawn."""
    with pytest.raises(ConfigError, match=told):
        make()
