"""A model as a judge: asked as it answers best, read strictly, accounted for."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import (
    ConfigError,
    GenerateRequest,
    LoglikelihoodRequest,
    MalformedJudgement,
    ModelSpec,
    Usage,
)
from llmlab_pytest.judging import check_judge, rubric, way_of
from llmlab_pytest.judging._answers import read_choice
from llmlab_pytest.scorers import score

from .conftest import LIKELY, SCHEMA, TELLING, WORDS, Bench, items, verdict

POLITE = rubric(criteria="It is polite.", material=["answer"])
UNREADABLE = [
    "",
    "yes",
    "I think so. " + verdict("yes"),
    verdict("yes") + " Sure!",
    verdict("maybe"),
    '{"verdict": "yes"}',
    '{"reason": 3, "verdict": "yes"}',
    '{"reason": "so", "verdict": ["yes"]}',
    '{"reason": "so", "verdict": true}',
    '{"reason": "so", "verdict": "yes", "score": 5}',
    '["yes"]',
    items("yes"),
    "null",
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_an_answer_that_cannot_be_read_is_an_error(bench: Bench, text: str) -> None:
    """It is no score, neither 0 nor 1; the message says what was answered."""
    bench.add([text])
    with pytest.raises(MalformedJudgement, match="The judge 'judge' answered"):
        bench.score(POLITE, "Hello")


@given(st.text())
def test_no_text_is_read_as_a_choice_by_chance(text: str) -> None:
    """Whatever a model writes, it is a choice in the form asked for, or an error."""
    try:
        found = read_choice(text, ("yes", "no"), judge="judge")
    except MalformedJudgement:
        return
    assert found.choice in ("yes", "no")


@pytest.mark.parametrize("choice", ["yes", "no"])
@pytest.mark.parametrize("fence", ["{}", "```json\n{}\n```", "\n {} \n"])
def test_words_are_read(bench: Bench, choice: str, fence: str) -> None:
    """A fence or space around them is no other answer."""
    bench.add([fence.replace("{}", verdict(choice, "it thanks"))], can=WORDS)
    score = bench.score(POLITE, "Thank you")
    assert (score.value, score.answer) == (float(choice == "yes"), choice)
    assert score.explanation == "it thanks"
    (request,) = bench.models["judge"].requests
    assert isinstance(request, GenerateRequest)
    assert request.config.response_schema is None
    assert request.config.temperature == 0.0


def test_a_number_may_stand_without_quotes(bench: Bench) -> None:
    """Models write 4 for "4"."""
    bench.add(['{"reason": "good", "verdict": 4}'])
    scale = rubric(criteria="Good?", scale="1-5", material=["answer"])
    assert bench.score(scale, "Hello").value == 0.75


def test_a_model_that_takes_a_schema_is_held_to_one(bench: Bench) -> None:
    """The schema lets nothing through but the choices."""
    bench.add([verdict("no")], can=SCHEMA)
    assert bench.score(POLITE, "Hm.").value == 0.0
    (request,) = bench.models["judge"].requests
    assert isinstance(request, GenerateRequest)
    schema: Any = request.config.response_schema
    assert schema["properties"]["verdict"] == {"enum": ["yes", "no"]}
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("weigh", "value"), [(False, 1.0), (True, 0.75)], ids=["likeliest", "weighed"]
)
def test_a_local_model_tells_how_likely_each_choice_is(
    bench: Bench, weigh: bool, value: float
) -> None:
    """Its answer needs no reading: probabilities are those of the choices alone."""
    three_to_one = {"yes$": -1.0, "no$": -1.0 - math.log(3)}
    bench.add(can=LIKELY, loglikelihoods=three_to_one)
    polite = rubric(criteria="It is polite.", material=["answer"], weigh=weigh)
    score = bench.score(polite, "Hello")
    assert score.value == pytest.approx(value)
    assert (score.answer, score.explanation) == ("yes", "yes 75%, no 25%")
    (request,) = bench.models["judge"].requests
    assert isinstance(request, LoglikelihoodRequest)
    assert [pair.text for pair in request.continuations] == ["yes", "no"]


@pytest.mark.parametrize(("weigh", "asked"), [(False, None), (True, 10)])
def test_likeliest_tokens_are_asked_for_where_they_are_wanted(
    bench: Bench, weigh: bool, asked: int | None
) -> None:
    """They are kept with every answer, so that nobody pays for them in vain."""
    bench.add([verdict("4")], can=TELLING)
    scale = rubric(criteria="Good?", scale="1-5", material=["answer"], weigh=weigh)
    assert bench.score(scale, "Hello").value == 0.75
    (request,) = bench.models["judge"].requests
    assert isinstance(request, GenerateRequest)
    assert request.config.top_logprobs == asked


def test_what_it_took_is_told_apart(bench: Bench) -> None:
    """Calls, tokens and cost are the judge's; prompts have a digest of their own."""
    bench.add([verdict("yes"), verdict("yes"), verdict("no")])
    first, again, other = (
        bench.score(scorer, text)
        for scorer, text in [
            (POLITE, "Hello"),
            (POLITE, "Good day to you"),
            (rubric(criteria="It is short.", material=["answer"]), "Hello"),
        ]
    )
    (judgement,) = first.judgements
    assert (judgement.judge, judgement.value, judgement.calls) == ("judge", 1.0, 1)
    assert judgement.usage != Usage()
    assert judgement.cost_usd == 0.0
    assert judgement.prompt_hash == again.judgements[0].prompt_hash
    assert judgement.prompt_hash != other.judgements[0].prompt_hash


def test_models_are_asked_as_they_answer_best() -> None:
    """A schema before likelihoods, these before words; without messages not at all."""
    spec = {
        can: ModelSpec(alias="m", provider="p", id="m", capabilities=can)
        for can in (SCHEMA | LIKELY, LIKELY, WORDS, frozenset({"completion"}))
    }
    *judges, raw = spec.values()
    assert [way_of(judge) for judge in judges] == ["schema", "likelihood", "text"]
    with pytest.raises(ConfigError, match="takes no messages"):
        check_judge(raw, where="--llmlab-judge")


def test_without_a_run_there_is_no_judge() -> None:
    """The message says where scorers find one."""
    with pytest.raises(ConfigError, match="outside of a run"):
        score("Hello", POLITE)


@pytest.mark.parametrize("scale", ["boolean", "1-5", "0-1"])
def test_no_choice_of_a_scale_begins_another(bench: Bench, scale: Any) -> None:
    """A judge that tells likelihoods would count one for the other."""
    bench.add(can=LIKELY)
    score = bench.score(
        rubric(criteria="Good?", scale=scale, material=["answer"], weigh=True), "Hello"
    )
    assert score.value is not None
    (request,) = bench.models["judge"].requests
    assert isinstance(request, LoglikelihoodRequest)
    texts = [pair.text for pair in request.continuations]
    begins = [(a, b) for a in texts for b in texts if a != b and b.startswith(a)]
    assert begins == []
