"""Behaviour tests: one suite for every model, in plain pytest.

Each test runs once per model chosen by `--llm`; a failed assert is a failed test.
"""

import pytest

from llmlab_pytest import Llm, assert_contains_any, assert_numeric


def test_knows_a_capital(llm: Llm) -> None:
    reply = llm("What is the capital of Japan?")
    assert "Tokyo" in reply.text


def test_adds_two_numbers(llm: Llm) -> None:
    assert_numeric(llm("What is 2 + 2? Answer with a number only."), 4)


def test_repeats_a_greedy_answer(llm: Llm) -> None:
    question = "What is the capital of Kenya?"
    assert llm(question).text == llm(question).text


def test_obeys_the_token_limit(llm: Llm) -> None:
    reply = llm("Tell me a long story about the sea.", max_tokens=8)
    assert reply.usage.output_tokens <= 8
    assert reply.stop_reason == "length"


def test_follows_the_system_prompt(llm: Llm) -> None:
    reply = llm.chat("What is your name?", system="You are a pirate called Redbeard.")
    assert_contains_any(reply, ["pirate", "captain", "Redbeard"])


def test_answers_many_at_once(llm: Llm) -> None:
    countries = {"Germany": "Berlin", "Egypt": "Cairo", "Norway": "Oslo"}
    replies = llm.map([f"What is the capital of {name}?" for name in countries])
    for capital, reply in zip(countries.values(), replies, strict=True):
        assert_contains_any(reply, [capital])


@pytest.mark.llm_requires("loglikelihood")
def test_prefers_the_true_continuation(llm: Llm) -> None:
    true, false = llm.loglikelihood(
        "The capital of Japan is", [" Tokyo", " Montevideo"]
    )
    assert true.loglikelihood > false.loglikelihood
