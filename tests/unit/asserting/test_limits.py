"""Limits on what answers took: totals, quantiles, kept answers, what is unknown."""

from typing import Any

import pytest

from llmlab_pytest import (
    Completion,
    ConfigError,
    LlmAssertionError,
    Usage,
    assert_limits,
)
from llmlab_pytest.core import Original


def answer(**fields: Any) -> Completion:
    """Return an answer of model `m`: 10 tokens read, 5 written."""
    usage = Usage(input_tokens=10, output_tokens=5)
    return Completion(**{"text": "Paris", "model": "m", "usage": usage, **fields})


def said(*arguments: Any) -> str:
    """Return what is said of limits that do not hold."""
    with pytest.raises(LlmAssertionError) as caught:
        assert_limits(*arguments)
    assert caught.value.score.value == 0.0
    return str(caught.value)


def test_totals_are_over_all_answers() -> None:
    """Cost and tokens add up; a limit is met by what is equal to it."""
    answers = [answer(cost_usd=0.25), answer(cost_usd=0.5)]
    assert_limits(
        answers, "cost_usd <= 0.75", "input_tokens == 20", "output_tokens < 11"
    )
    assert said(answers, "cost_usd < 0.75").splitlines() == [
        "limits (m): 2 answers took too much or came too slowly",
        "    cost_usd < 0.75: it is 0.75",
    ]


def test_quantiles_are_those_of_numpy() -> None:
    """Linear between the values, as in the table; the longest is that."""
    answers = [answer(latency_s=float(n), ttft_s=n / 10) for n in range(101)]
    for limit in (
        "latency_p50_s == 50",
        "latency_p95_s == 95",
        "latency_p99_s == 99",
        "latency_max_s == 100",
        "ttft_p50_s == 5",
        "ttft_max_s == 10",
    ):
        assert_limits(answers, limit)
    assert "latency_p95_s <= 94: it is 95" in said(answers, "latency_p95_s <= 94")


def test_speed_is_tokens_by_seconds_of_calls() -> None:
    """Over several answers it is that of all, not the mean of each."""
    answers = [answer(latency_s=1.0), answer(latency_s=4.0)]
    assert_limits(answers, "output_tokens_per_s == 2", "tokens_per_s == 6")
    assert_limits(answers[0], "output_tokens_per_s == 5")


def test_kept_answers_count_with_what_they_took_at_first() -> None:
    """Else a replayed suite would pass whatever is asked of it."""
    kept = Original(source="cache", cost_usd=0.5, latency_s=3.0, ttft_s=1.0)
    read = answer(cost_usd=0.0, latency_s=0.0, original=kept)
    assert_limits(read, "cost_usd == 0.5", "latency_max_s == 3", "ttft_max_s == 1")


def test_every_limit_that_does_not_hold_is_named() -> None:
    """Models too, each once."""
    answers = [answer(latency_s=2.0, cost_usd=1.0), answer(model="a", latency_s=1.0)]
    answers[1] = answer(model="a", latency_s=1.0, cost_usd=1.0)
    text = said(answers, "cost_usd <= 1", "latency_max_s <= 3", "latency_max_s < 2")
    assert text.splitlines() == [
        "limits (a, m): 2 answers took too much or came too slowly",
        "    cost_usd <= 1: it is 2",
        "    latency_max_s < 2: it is 2",
    ]


@pytest.mark.parametrize(
    ("answers", "limit", "message"),
    [
        (answer(), "cost_usd <= 1", r"was not measured. State the model's prices"),
        (
            answer(latency_s=1.0),
            "ttft_max_s <= 1",
            r"was not measured. Ask with stream",
        ),
        ([], "cost_usd <= 1", r"is on no answer at all"),
        (answer(), "accuracy >= 1", r"A limit is on cost_usd, input_tokens"),
        (answer(), "cost_usd", r"cannot be read"),
    ],
)
def test_what_cannot_be_judged_is_an_error(
    answers: Any, limit: str, message: str
) -> None:
    """An unknown cost is no small one, and no answer takes no time."""
    with pytest.raises(ConfigError, match=message):
        assert_limits(answers, limit)
