"""Calls and answers to record."""

from collections.abc import Callable
from typing import Any

import pytest

from llmlab_pytest.cassettes import RecordedCall
from llmlab_pytest.core import ModelSpec

MODEL = {"provider": "litellm", "id": "openai/gpt"}
REQUEST = {
    "kind": "generate",
    "prompt": [{"role": "user", "content": "Hi"}],
    "config": {"temperature": 0.0, "max_tokens": 9, "stop": ["x"], "seed": None},
}


@pytest.fixture
def make_call() -> Callable[..., RecordedCall]:
    """Describe a call; keywords change its parts, or one setting of its decoding."""

    def make(alias: str = "mine", **changes: Any) -> RecordedCall:
        parts: dict[str, Any] = {
            "model": MODEL,
            "request": REQUEST,
            "owner": "capitals",
            "item": "fr",
            "draw": 1,
        }
        if "temperature" in changes:
            config = {**REQUEST["config"], "temperature": changes.pop("temperature")}
            parts["request"] = {**REQUEST, "config": config}
        if "prompt" in changes:
            parts["request"] = {**parts["request"], "prompt": changes.pop("prompt")}
        spec = ModelSpec(alias=alias, provider="litellm", id="openai/gpt")
        return RecordedCall.of(spec, **{**parts, **changes})

    return make
