"""What tokens cost by a kept price equals what litellm reckons for the same call."""

import pytest

from llmlab_pytest.core import ModelSpec, Price, Usage, load
from llmlab_pytest.providers import price_now, usage_cost_usd
from llmlab_pytest.providers._litellm import LiteLLM
from llmlab_pytest.providers._price import mapped_price
from llmlab_pytest.providers._price_map import map_entry

USAGES = [
    Usage(input_tokens=1000, output_tokens=200),
    Usage(input_tokens=1000, output_tokens=200, cached_input_tokens=600),
    Usage(input_tokens=300_000, output_tokens=5000),
    Usage(input_tokens=300_000, output_tokens=5000, cached_input_tokens=100_000),
    Usage(input_tokens=1000, output_tokens=700, reasoning_tokens=500),
]


@pytest.mark.parametrize("usage", USAGES, ids=range(len(USAGES)))
@pytest.mark.parametrize(
    ("model_id", "tier"),
    [
        ("openai/gpt-4o-mini", None),
        ("openai/gpt-5", "flex"),
        ("openai/gpt-5", "priority"),
        ("anthropic/claude-sonnet-4-5", None),
        ("gemini/gemini-2.5-pro", None),
        ("gemini/gemini-2.5-flash", None),
    ],
)
def test_cost_of_a_usage_is_litellms(
    model_id: str, tier: str | None, usage: Usage
) -> None:
    """Cached and reasoning tokens, prompts above 200,000, and service tiers."""
    assert LiteLLM  # its module keeps litellm from fetching another map
    reckon = load("litellm:cost_per_token", extra="litellm")
    details = load("litellm.types.utils:PromptTokensDetailsWrapper")
    thoughts = load("litellm.types.utils:CompletionTokensDetailsWrapper")
    counted = load("litellm.types.utils:Usage")(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.tokens,
        prompt_tokens_details=details(cached_tokens=usage.cached_input_tokens),
        completion_tokens_details=thoughts(reasoning_tokens=usage.reasoning_tokens),
    )
    entry = map_entry(model_id)
    price = mapped_price(entry, source="litellm", tier=tier)
    parts = reckon(model=model_id, usage_object=counted, service_tier=tier)
    assert usage_cost_usd(price, usage) == pytest.approx(sum(parts), rel=1e-9)


def test_own_rates_and_those_of_lists_are_known_by_their_parts() -> None:
    """Without a rate of its own, cached input costs as input, thought as output."""
    usage = Usage(
        input_tokens=1000,
        cached_input_tokens=400,
        output_tokens=100,
        reasoning_tokens=50,
    )
    rates = {"input": 2.0, "output": 10.0}
    price = Price(source="s", read_on="2026-01-01", usd_per_million_tokens=rates)
    assert usage_cost_usd(price, usage) == pytest.approx(0.003)
    rates |= {"cached_input": 1.0, "reasoning": 20.0}
    assert usage_cost_usd(price, usage) == pytest.approx(0.0031)


@pytest.mark.parametrize(
    ("rates", "usage"),
    [
        ({"input": 2.0}, Usage(output_tokens=1)),
        ({"input": 2.0, "output": 1.0}, Usage(input_tokens=9, input_audio_tokens=5)),
        ({"input": 2.0, "output": 1.0}, Usage(output_tokens=9, output_audio_tokens=5)),
    ],
    ids=["no output", "heard", "spoken"],
)
def test_a_missing_rate_is_no_price_of_nothing(
    rates: dict[str, float], usage: Usage
) -> None:
    """Sound costs other than text: without its rate nobody knows."""
    price = Price(source="s", read_on="2026-01-01", usd_per_million_tokens=rates)
    assert usage_cost_usd(price, usage) is None


def test_price_of_now_is_the_entrys_own_or_the_maps() -> None:
    """What computes here, and what the map does not know, has none."""
    own = ModelSpec(
        alias="m",
        provider="scripted",
        id="s",
        input_usd_per_million_tokens=1.0,
        output_usd_per_million_tokens=2.0,
    )
    found = price_now(own)
    assert found is not None
    assert found.usd_per_million_tokens == {"input": 1.0, "output": 2.0}
    mapped = price_now(ModelSpec(alias="m", provider="litellm", id="gpt-4o-mini"))
    assert mapped is not None
    assert mapped.usd_per_million_tokens["input_cost_per_token"] == 0.15
    for nobody in (("scripted", "s"), ("litellm", "acme/none")):
        assert price_now(ModelSpec(alias="m", provider=nobody[0], id=nobody[1])) is None
