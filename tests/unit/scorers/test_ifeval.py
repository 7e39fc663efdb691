"""IFEval's checks and scores: lm-eval's verdicts, and rules by value."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import Completion, ConfigError, DataError, Sample, Score
from llmlab_pytest.scorers import apply_scorer, ifeval, make_scorer, scorer_registry
from llmlab_pytest.scorers._ifeval import loose_variants
from llmlab_pytest.scorers._ifeval_instructions import CHECKS, instructions_of
from llmlab_pytest.scorers._linguistics import count_sentences, language_of

# Written by lm-eval 0.4.13: tests/golden/compare_ifeval.py --write
VERDICTS = json.loads(
    Path(__file__).with_name("ifeval_verdicts.json").read_text("utf-8")
)


def sample_of(*instructions: tuple[str, dict[str, Any]]) -> Sample:
    """Return a sample with these instructions and what they are told."""
    ids, told = zip(*instructions, strict=True)
    row = {"instruction_id_list": list(ids), "kwargs": list(told)}
    return Sample(id="s", input="", metadata=row)


def followed(name: str, response: str, **told: Any) -> bool:
    return instructions_of(sample_of((name, told)))[0].is_followed(response)


def scored(sample: Sample, text: str, **options: Any) -> Score:
    spec = {"name": "ifeval", **options}
    name, scorer = make_scorer(spec, scorer_registry(), where="here")
    return apply_scorer(
        name, scorer, completion=Completion(text=text, model="m"), sample=sample
    )


@pytest.mark.parametrize(
    "kept",
    VERDICTS["instructions"],
    ids=[f"{n}-{kept['id']}" for n, kept in enumerate(VERDICTS["instructions"])],
)
def test_verdicts_are_those_of_lm_eval(kept: dict[str, Any]) -> None:
    """Strict and loose, on stock texts bare and framed; each check says both."""
    sample = sample_of((kept["id"], kept["kwargs"]))
    for kind in ("strict", "loose"):
        scores = [
            scored(sample, text, loose=kind == "loose")
            for text in VERDICTS["responses"]
        ]
        assert "".join(str(int(score.value or 0)) for score in scores) == kept[kind]
        assert set(kept[kind]) == {"0", "1"}


def test_verdicts_are_kept_for_every_check() -> None:
    """No check is without lm-eval's word."""
    assert {kept["id"] for kept in VERDICTS["instructions"]} == set(CHECKS)


TWO = sample_of(
    ("punctuation:no_comma", {}),
    ("length_constraints:number_words", {"num_words": 4, "relation": "at least"}),
)


@pytest.mark.parametrize(
    ("text", "prompt", "share"),
    [
        ("four words are here", 1.0, 1.0),
        ("four, words are here", 0.0, 0.5),
        ("a, comma", 0.0, 0.0),
        ("  \n", 0.0, 0.0),
    ],
    ids=["both", "one", "none", "empty"],
)
def test_prompt_needs_all_instructions_and_the_share_has_their_weight(
    text: str, prompt: float, share: float
) -> None:
    """`prompt` is right or wrong; `instruction` is a share that weighs their number."""
    whole, part = scored(TWO, text), scored(TWO, text, per="instruction")
    assert (whole.value, whole.weight) == (prompt, 1.0)
    assert (part.value, part.weight) == (share, 2.0)


def test_explanation_names_what_failed_with_its_arguments() -> None:
    """A reader sees which instruction was not followed, and only those."""
    score = scored(TWO, "too few words")
    assert score.explanation == (
        "not followed: length_constraints:number_words"
        "(num_words=4, relation='at least')"
    )
    assert score.answer == "1 of 2 followed"
    assert scored(TWO, "four words are here").explanation is None


def test_loose_accepts_what_is_left_without_first_and_last_line_and_asterisks() -> None:
    """Eight variants; strict judges the response alone."""
    assert loose_variants("a\n*b*\nc") == [
        *("a\n*b*\nc", "*b*\nc", "a\n*b*", "*b*"),
        *("a\nb\nc", "b\nc", "a\nb", "b"),
    ]
    framed = "Sure, dear:\nfour **words** are here\nBye, now"
    assert scored(TWO, framed).value == 0.0
    assert scored(TWO, framed, loose=True).value == 1.0


@given(st.text(max_size=200))
def test_every_check_has_a_verdict_on_any_text(text: str) -> None:
    """No response makes a check raise; what strict accepts, loose accepts."""
    for kept in VERDICTS["instructions"]:
        if "language" in kept["id"] or "english" in kept["id"]:
            continue  # a thousand guesses of a language take minutes
        sample = sample_of((kept["id"], kept["kwargs"]))
        strict, loose = scored(sample, text), scored(sample, text, loose=True)
        assert strict.value in (0.0, 1.0)
        assert (loose.value or 0.0) >= (strict.value or 0.0)


def test_sentences_end_where_punkt_says() -> None:
    """Abbreviations and initials end none; the model is nltk's English one."""
    text = "Mr. J. Doe paid $3.50, e.g. on Jan. 5. Dr. No came at 3 p.m. Really? Yes..."
    assert count_sentences(text) == 4
    assert count_sentences("") == 0


def test_language_is_the_same_at_every_call() -> None:
    """Without our seed, one guess of six at the last text is "en", the others "hr"."""
    assert language_of("Das ist eine Antwort auf Deutsch.") == "de"
    assert language_of("12 !?") is None
    guesses = {language_of.__wrapped__("ok im a good person no") for _ in range(60)}
    assert len(guesses) == 1


def test_signs_are_counted_as_letters_are() -> None:
    """lm-eval counts a random letter where the row asks for a sign."""
    told = {"letter": "#", "let_frequency": 2, "let_relation": "at least"}
    assert followed("keywords:letter_frequency", "#a #b", **told)
    assert not followed("keywords:letter_frequency", "#abcdefg", **told)


def test_keywords_are_text_not_patterns() -> None:
    """A keyword with signs of regular expressions means itself."""
    assert followed("keywords:existence", "I like C++", keywords=["c++"])
    assert followed("keywords:forbidden_words", "abc", forbidden_words=["a.c"])
    assert not followed(
        "detectable_format:multiple_sections",
        "Part? 1",
        section_spliter="Part?",
        num_sections=2,
    )


def test_brackets_nested_without_end_are_no_json() -> None:
    """The parser's recursion limit is no error of the evaluation."""
    assert not followed("detectable_format:json_format", "[" * 100_000)


def test_nulls_of_the_hub_are_no_arguments() -> None:
    """The hub's loader names every argument of every instruction, mostly null."""
    told = {"num_words": None, "keywords": None, "num_bullets": 1}
    assert followed("detectable_format:number_bullet_lists", "* one", **told)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "no list of instructions"),
        ({"instruction_id_list": ["a"], "kwargs": []}, "no list of instructions"),
        (
            {"instruction_id_list": ["punctuation:no_coma"], "kwargs": [{}]},
            "Did you mean 'punctuation:no_comma'",
        ),
        (
            {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"n": 1}]},
            "Unknown argument of punctuation:no_comma 'n'",
        ),
        (
            {
                "instruction_id_list": ["detectable_format:number_bullet_lists"],
                "kwargs": [{}],
            },
            "lacks num_bullets",
        ),
        (
            {
                "instruction_id_list": ["detectable_format:number_bullet_lists"],
                "kwargs": [{"num_bullets": "3"}],
            },
            "It takes a whole number",
        ),
    ],
    ids=["none", "lengths", "unknown", "surplus", "missing", "kind"],
)
def test_row_with_wrong_instructions_is_an_error(row: Any, message: str) -> None:
    """Nothing is guessed about a row: lm-eval would draw the number at random."""
    with pytest.raises(DataError, match=message):
        instructions_of(Sample(id="s", input="", metadata=row))


def test_unknown_unit_is_refused() -> None:
    """An option is checked when the scorer is made."""
    with pytest.raises(ConfigError, match="'prompt' or 'instruction'"):
        ifeval(per="word")  # type: ignore[arg-type]
