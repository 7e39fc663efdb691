"""Kept answers cost nothing now, and say what they took once."""

from typing import Any

import pytest

from llmlab_pytest.core import Completion, Original, Price, Usage
from llmlab_pytest.store import as_given, recalled

ANSWER = Completion(
    text="4",
    model="m",
    usage=Usage(input_tokens=3, output_tokens=2),
    stop_reason="length",
    latency_s=1.5,
    ttft_s=0.5,
    cost_usd=0.25,
    price=Price(source="us", read_on="2026-11-25", usd_per_million_tokens={"input": 1}),
    compute_s=1.25,
    attempts=2,
)


@pytest.mark.parametrize("source", ["cache", "cassette"])
def test_a_recalled_answer_is_free_and_keeps_its_price(source: Any) -> None:
    """Cost is 0 and no latency is claimed; what it took once stands apart."""
    again = recalled(ANSWER, alias="other", source=source)
    assert (again.text, again.usage, again.model) == (
        ANSWER.text,
        ANSWER.usage,
        "other",
    )
    assert (again.cost_usd, again.latency_s, again.ttft_s) == (0.0, 0.0, None)
    assert again.original == Original(
        source=source,
        latency_s=1.5,
        ttft_s=0.5,
        cost_usd=0.25,
        compute_s=1.25,
        usage=ANSWER.usage,
    )


def test_a_recalled_answer_is_recorded_as_the_model_gave_it() -> None:
    """The way back is exact; an answer that was asked now stays as it is."""
    again = recalled(ANSWER, alias="m", source="cache")
    assert as_given(again) == ANSWER
    assert as_given(ANSWER) is ANSWER


def test_originals_add_up_and_an_unknown_price_stays_unknown() -> None:
    """A test that asked three times and was answered twice by the cache."""
    one = Original(source="cache", latency_s=1.0, cost_usd=0.5)
    both = Original.total([one, None, one])
    assert both == Original(source="cache", answers=2, latency_s=2.0, cost_usd=1.0)
    unknown = Original(source="cache", latency_s=1.0)
    total = Original.total([one, unknown])
    assert total is not None
    assert total.cost_usd is None
    assert Original.total([None]) is None
