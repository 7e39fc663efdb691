"""Lists of prices in three formats, and what they say of our models."""

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import ConfigError, DataError, ModelSpec
from llmlab_pytest.providers import (
    ModelRegistry,
    PriceList,
    rates_of,
    read_price_list,
    shipped_registry_files,
    stated_price,
)
from llmlab_pytest.providers._litellm import LiteLLM
from llmlab_pytest.providers._price_map import map_entry
from llmlab_pytest.providers._remote_options import RemoteOptions

OPENROUTER = {
    "data": [
        {
            "id": "openai/gpt-4o-mini",
            "pricing": {
                "prompt": "0.00000015",
                "completion": "0.0000006",
                "request": "0",
                "image": "0.000217",
                "internal_reasoning": "0",
                "input_cache_read": "0.000000075",
            },
        },
        {
            "id": "anthropic/claude-haiku-4.5",
            "pricing": {
                "prompt": "0.000001",
                "completion": "0.000005",
                "input_cache_write": "0.00000125",
            },
        },
        {
            "id": "google/gemma-3-27b-it:free",
            "pricing": {"prompt": "0", "completion": "0"},
        },
        {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"id": "new/unpriced"},
    ]
}
MODELS_DEV = {
    "google": {
        "id": "google",
        "models": {
            "gemini-2.5-flash": {
                "id": "gemini-2.5-flash",
                "cost": {
                    "input": 0.3,
                    "output": 2.5,
                    "cache_read": 0.075,
                    "input_audio": 1,
                },
            }
        },
    },
    "groq": {
        "id": "groq",
        "models": {
            "openai/gpt-oss-20b": {"cost": {"input": 0.1, "output": 0.5}},
            "unpriced": {"id": "unpriced"},
        },
    },
}
LITELLM = {
    "sample_spec": {"litellm_provider": "one of many", "input_cost_per_token": "a"},
    "gpt-4o-mini": {
        "litellm_provider": "openai",
        "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07,
        "output_cost_per_reasoning_token": 7e-07,
    },
    "azure/gpt-4o-mini": {
        "litellm_provider": "azure",
        "input_cost_per_token": 1.65e-07,
        "output_cost_per_token": 6.6e-07,
    },
}


@pytest.fixture
def price_list(tmp_path: Path) -> Callable[..., PriceList]:
    """Write a file and read it."""

    def read(content: object, name: str = "prices.json") -> PriceList:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_price_list(path)

    return read


def spec(model_id: str, **fields: Any) -> ModelSpec:
    return ModelSpec(alias="m", provider="litellm", id=model_id, **fields)


@pytest.mark.parametrize(
    ("content", "model_id", "rates"),
    [
        (
            OPENROUTER,
            "openai/gpt-4o-mini",
            {"input": 0.15, "output": 0.6, "cached_input": 0.075},
        ),
        (
            OPENROUTER,
            "gpt-4o-mini",
            {"input": 0.15, "output": 0.6, "cached_input": 0.075},
        ),
        (
            OPENROUTER,
            "claude-haiku-4-5",
            {"input": 1.0, "output": 5.0, "cache_write": 1.25},
        ),
        (
            OPENROUTER,
            "openrouter/google/gemma-3-27b-it:free",
            {"input": 0.0, "output": 0.0},
        ),
        (OPENROUTER, "openrouter/openrouter/auto", None),
        (OPENROUTER, "openrouter/new/unpriced", None),
        (OPENROUTER, "groq/gpt-4o-mini", None),
        (
            MODELS_DEV,
            "gemini/gemini-2.5-flash",
            {"input": 0.3, "output": 2.5, "cached_input": 0.075},
        ),
        (MODELS_DEV, "groq/openai/gpt-oss-20b", {"input": 0.1, "output": 0.5}),
        (MODELS_DEV, "groq/unpriced", None),
        (
            LITELLM,
            "openai/responses/gpt-4o-mini",
            {"input": 0.15, "output": 0.6, "reasoning": 0.7},
        ),
        (LITELLM, "azure/gpt-4o-mini", {"input": 0.165, "output": 0.66}),
        (LITELLM, "mistral/gpt-4o-mini", None),
    ],
)
def test_a_models_rates_are_found(
    price_list: Callable[..., PriceList],
    content: object,
    model_id: str,
    rates: dict[str, float] | None,
) -> None:
    """In dollars per million tokens; what is not stated is missing, never 0."""
    assert rates_of(price_list(content), spec(model_id)) == rates


def test_another_name_can_be_given(price_list: Callable[..., PriceList]) -> None:
    """One that the list does not have is an error with what is close to it."""
    prices = price_list(MODELS_DEV)
    name = "google/gemini-2.5-flash"
    assert rates_of(prices, spec("openai/ours"), name=name) == {
        "input": 0.3,
        "output": 2.5,
        "cached_input": 0.075,
    }
    with pytest.raises(ConfigError, match=r"no model 'google/gemini'.*gemini-2\.5"):
        rates_of(prices, spec("openai/ours"), name="google/gemini")


def test_names_that_differ_by_a_dot_alone_must_be_one(
    price_list: Callable[..., PriceList],
) -> None:
    """Of two that are alike neither is taken; the exact one is."""
    models = [
        {"id": f"anthropic/claude-{name}", "pricing": {"prompt": f"0.00000{number}"}}
        for number, name in enumerate(("x-4.5", "X-4.5", "y-4.5", "y-4-5"), 1)
    ]
    prices = price_list({"data": models})
    assert rates_of(prices, spec("anthropic/claude-x-4-5")) is None
    assert rates_of(prices, spec("anthropic/claude-y-4-5")) == {"input": 4.0}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{\n  oops", r"prices\.json:2:3: no JSON"),
        ([], "no object with prices"),
        ({}, "no object with prices"),
        ({"prices": {"x": 1}}, "the keys are prices"),
        ({"data": [{"pricing": {}}]}, r"data\[0\]\.id is None"),
        ({"data": [{"id": "a", "pricing": None}]}, r"data\[0\]\.pricing is None"),
        ({"data": [{"id": "a", "pricing": {"prompt": 1}}]}, r"pricing\.prompt is 1"),
        ({"data": [{"id": "a", "pricing": {"prompt": "x"}}]}, "is 'x'.*as text"),
        ({"data": [{"id": "a", "pricing": {"prompt": "-2"}}]}, "is '-2'"),
        ({"data": [{"id": "a", "pricing": {"prompt": "NaN"}}]}, "is 'NaN'"),
        ({"data": [{"id": "a", "pricing": {}}] * 2}, r"data\[1\] is 'a', as data\[0\]"),
        ({"v": {"models": {"a": {"cost": 3}}}}, r"v\.models\.a\.cost is 3"),
        ({"v": {"models": {"a": []}}}, r"v\.models\.a is \[\]"),
        (
            {"v": {"models": {"a": {"cost": {"input": "3"}}}}},
            r"v\.models\.a\.cost\.input is '3'",
        ),
        (
            {"a": {"litellm_provider": "b", "input_cost_per_token": True}},
            r"a\.input_cost_per_token is True",
        ),
        (
            '{"a": {"litellm_provider": "b", "input_cost_per_token": Infinity}}',
            r"a\.input_cost_per_token is inf",
        ),
    ],
)
def test_a_wrong_file_is_an_error_that_names_the_place(
    price_list: Callable[..., PriceList], content: object, said: str
) -> None:
    """Nothing of it is used."""
    with pytest.raises(DataError, match=said):
        price_list(content)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """With the path and the reason of the system."""
    with pytest.raises(DataError, match=r"none\.json: the prices cannot be read"):
        read_price_list(tmp_path / "none.json")


def test_the_day_of_a_list_is_that_of_its_file(tmp_path: Path) -> None:
    """No format states one; the time of the file is in UTC."""
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(LITELLM))
    os.utime(path, (1_760_000_000, 1_760_000_000))
    assert read_price_list(path).written_on == "2025-10-09"


def test_the_installed_map_read_as_a_list_says_what_is_used() -> None:
    """All shipped models of vendors have a price there, and the same one."""
    origin = find_spec("litellm").origin
    name = "model_prices_and_context_window_backup.json"
    prices = read_price_list(Path(origin).with_name(name))
    models = ModelRegistry.load(shipped_registry_files())
    clouds = [model for model in models.values() if model.provider == "litellm"]
    assert len(clouds) > 5
    for model in clouds:
        assert rates_of(prices, model) == stated_price(model).rates


@pytest.mark.parametrize(
    "model_id",
    [
        "gpt-4o-mini",
        "openai/gpt-4o-mini",
        "openai/responses/gpt-4o-mini",
        "claude-haiku-4-5",
        "anthropic/claude-haiku-4-5",
        "gemini/gemini-2.5-flash",
        "mistral/mistral-small-latest",
        "openai/nobody-knows-it",
    ],
)
def test_the_map_is_read_as_litellm_reads_it(model_id: str) -> None:
    """The entry is the one that bills such a model's calls."""
    model = spec(model_id)
    assert map_entry(model_id) == LiteLLM(model, RemoteOptions()).price_entry()


@pytest.mark.parametrize(
    ("fields", "rates", "source", "tier"),
    [
        (
            {"input_usd_per_million_tokens": 3, "output_usd_per_million_tokens": 4},
            {"input": 3, "output": 4},
            "models.toml:3",
            None,
        ),
        (
            {"options": {"extra": {"service_tier": "priority"}}},
            {"input": 0.25, "output": 1.0, "cached_input": 0.125},
            "litellm",
            "priority",
        ),
        (
            {"provider": "llamacpp"},
            {"input": 0.0, "output": 0.0},
            "this machine",
            None,
        ),
    ],
    ids=["own", "tier", "local"],
)
def test_the_price_that_is_used(
    fields: dict[str, Any], rates: dict[str, float], source: str, tier: str | None
) -> None:
    """The entry's own before the map's, by the tier that is asked for."""
    model = ModelSpec(
        **{"alias": "m", "provider": "litellm", "id": "gpt-4o-mini"} | fields,
        source="models.toml:3",
    )
    price = stated_price(model)
    assert (price.rates, price.tier) == (rates, tier)
    assert price.source.startswith(source)


@pytest.mark.parametrize("provider", ["litellm", "acme"])
def test_a_price_that_nobody_knows_is_none(provider: str) -> None:
    """Neither 0 nor half a price."""
    model = ModelSpec(alias="m", provider=provider, id="openai/nobody-knows-it")
    assert stated_price(model) is None
