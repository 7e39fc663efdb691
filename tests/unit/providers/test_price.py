"""What a call costs at most, before it is made."""

from typing import Any

import pytest

from llmlab_pytest.core import (
    ConfigError,
    Continuation,
    GenerateConfig,
    GenerateRequest,
    Image,
    LoglikelihoodRequest,
    Message,
    ModelSpec,
    RollingRequest,
    Tool,
    ToolCall,
    Usage,
)
from llmlab_pytest.providers import load_model, provider_registry, worst_cost_usd
from llmlab_pytest.providers._most_input import IMAGE_TOKENS, most_input_tokens
from llmlab_pytest.providers._price import local_cost_usd, mapped_worst_usd
from llmlab_pytest.testing import ScriptedModel

OWN = {"input_usd_per_million_tokens": 1.0, "output_usd_per_million_tokens": 10.0}
ENTRY = {
    "input_cost_per_token": 2e-6,
    "input_cost_per_token_above_200k_tokens": 4e-6,
    "input_cost_per_token_priority": 3e-6,
    "input_cost_per_token_batches": 9e-6,
    "cache_creation_input_token_cost": 2.5e-6,
    "output_cost_per_token": 10e-6,
    "output_cost_per_reasoning_token": 12e-6,
    "search_context_cost_per_query": {"search_context_size_low": 0.01},
}


DOT = Image.of("https://a.example/dot.png")
CLOCK = Tool("clock", parameters={})


def spec(**fields: Any) -> ModelSpec:
    return ModelSpec(**{"alias": "m", "provider": "scripted", "id": "m", **fields})


def chat(text: str, **config: Any) -> GenerateRequest:
    return GenerateRequest((Message("user", text),), GenerateConfig(**config))


def test_local_model_costs_nothing_unless_its_entry_says_so() -> None:
    """A model on this machine costs nothing, or what its owner says."""
    usage = Usage(input_tokens=1000, output_tokens=100, cached_input_tokens=400)
    cached = {**OWN, "cached_input_usd_per_million_tokens": 0.5}
    assert local_cost_usd(spec(), usage) == 0.0
    assert local_cost_usd(spec(**OWN), usage) == pytest.approx(0.002)
    assert local_cost_usd(spec(**cached), usage) == pytest.approx(0.0018)
    assert worst_cost_usd(ScriptedModel(spec=spec()), chat("Hi")) == 0.0


@pytest.mark.parametrize(
    ("request_", "tokens"),
    [
        (chat("日本"), 6 + 32),
        (GenerateRequest("abc"), 3 + 32),
        (LoglikelihoodRequest((Continuation("ab", "c"),) * 2), 6 + 48),
        (RollingRequest("abcd"), 4 + 32),
        (GenerateRequest((Message("user", ("a", DOT, "b")),)), 3 + 32 + IMAGE_TOKENS),
        (chat("Hi", tools=(CLOCK,)), 2 + 32 + 1000 + 2 * len('[["clock","",{}]]')),
        (chat("Hi", response_schema={"a": 1}), 2 + 32 + 1000 + 2 * len('[[{"a":1}]]')),
        (
            GenerateRequest((Message("assistant", "", (ToolCall("7", "f", {}),)),)),
            32 + 16 + 2 * len('["7","f",{}]'),
        ),
        (GenerateRequest((Message("tool", "ok", tool_call_id="7"),)), 2 + 1 + 32),
    ],
    ids=[
        *("chat", "raw", "loglikelihood", "rolling"),
        *("image", "tools", "schema", "call", "result"),
    ],
)
def test_every_byte_may_be_a_token(request_: Any, tokens: int) -> None:
    """Bytes, not characters, and room for what a template writes around a turn."""
    assert most_input_tokens(request_) == tokens


def test_worst_case_is_the_bound_at_own_prices() -> None:
    """Input at the price of input, `max_tokens` at that of output."""
    model = ScriptedModel(["x"], spec=spec(**OWN))
    worst_usd = worst_cost_usd(model, chat("x" * 68, max_tokens=50))
    assert worst_usd == pytest.approx(100 * 1e-6 + 50 * 10e-6)


@pytest.mark.parametrize(
    ("input_tokens", "tier", "usd"),
    [
        (1000, None, 1000 * 2.5e-6 + 10 * 12e-6),
        (1000, "priority", 1000 * 3e-6 + 10 * 12e-6),
        (1000, "auto", 1000 * 3e-6 + 10 * 12e-6),
        (300_000, None, 300_000 * 4e-6 + 10 * 12e-6),
    ],
    ids=["dearest", "tier", "tier-of-the-account", "long"],
)
def test_worst_case_takes_the_dearest_rate_that_may_hold(
    input_tokens: int, tier: str | None, usd: float
) -> None:
    """Rates of cache, reasoning, length and tier count where the call may meet them."""
    found = mapped_worst_usd(
        ENTRY, input_tokens=input_tokens, output_tokens=10, tier=tier
    )
    assert found == pytest.approx(usd)


def test_worst_case_without_a_stated_price_is_unknown() -> None:
    """An entry without rates of tokens is no price of 0."""
    half = {"input_cost_per_token": 1e-6}
    for entry in ({}, half, {"output_cost_per_image": 0.1}):
        assert (
            mapped_worst_usd(entry, input_tokens=1, output_tokens=1, tier=None) is None
        )


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"id": "openai/nobody-knows"}, "input_usd_per_million_tokens"),
        ({"options": {"omit": ["max_tokens"]}}, "max_completion_tokens"),
    ],
    ids=["price", "length"],
)
def test_remote_call_of_unknown_worst_case_is_refused(
    fields: dict[str, Any], shown: str
) -> None:
    """The message names the model and what to write where."""
    entry = spec(**{"provider": "litellm", "id": "gpt-4o-mini", **fields})
    model = load_model(entry, provider_registry())
    with pytest.raises(ConfigError, match="'m'") as caught:
        worst_cost_usd(model, chat("Hi", max_tokens=5))
    model.close()
    assert shown in str(caught.value)


def test_remote_worst_case_is_never_below_the_map() -> None:
    """GPT-4o mini by litellm's map: 34 bytes and room at most, 5 tokens out."""
    entry = spec(provider="litellm", id="gpt-4o-mini")
    model = load_model(entry, provider_registry())
    worst_usd = worst_cost_usd(model, chat("Hi", max_tokens=5))
    model.close()
    room = len("{}")
    assert worst_usd == pytest.approx((2 + 32 + room) * 0.15e-6 + 5 * 0.6e-6)
