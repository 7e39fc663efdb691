"""What decides an answer is in its address, and nothing else is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.cache import Asked, draw_of
from llmlab_pytest.core import GenerateConfig, GenerateRequest, Message, ModelSpec
from llmlab_pytest.providers import identity_of
from llmlab_pytest.store import request_json

SPEC = ModelSpec(
    alias="mine",
    provider="litellm",
    id="openai/gpt",
    options={"base_url": "https://one.example/v1", "extra": {"top_k": 3}},
)
REQUEST = GenerateRequest(
    (Message("user", "Hi"),), GenerateConfig(temperature=0.7, max_tokens=9, seed=1)
)


def _address(
    spec: ModelSpec = SPEC,
    request: GenerateRequest = REQUEST,
    *,
    epoch: int = 1,
    place: str = "",
) -> str:
    identity = identity_of(spec)
    assert identity is not None
    asked = request_json(request)
    return Asked.of(identity, asked, draw_of(asked, epoch=epoch, place=place)).address


def _with(**config: Any) -> GenerateRequest:
    return replace(REQUEST, config=replace(REQUEST.config, **config))


def _options(**options: Any) -> ModelSpec:
    return replace(SPEC, options={**SPEC.options, **options})


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, id="openai/gpt-2"),
        _options(base_url="https://two.example/v1"),
        _options(extra={"top_k": 4}),
        _options(omit=["seed"]),
    ],
    ids=["id", "server", "extra", "omit"],
)
def test_another_model_has_another_address(spec: ModelSpec) -> None:
    """Name, server and each setting that is sent along tell models apart."""
    assert _address(spec) != _address()


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, alias="yours", source="elsewhere", groups=("g",)),
        replace(SPEC, input_usd_per_million_tokens=9.0),
        _options(timeout_s=1.0, concurrency=2, api_key_env="MY_KEY"),
        _options(base_url="https://me:pass@one.example/v1"),
    ],
    ids=["alias", "price", "limits", "credentials"],
)
def test_what_decides_nothing_is_no_part(spec: ModelSpec) -> None:
    """Names, prices, time limits and credentials share one answer."""
    assert _address(spec) == _address()


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, prompt="Hi"),
        replace(REQUEST, prompt=(Message("system", "Hi"),)),
        _with(max_tokens=10),
        _with(temperature=0.8),
        _with(seed=2),
        _with(stop=("x",)),
        _with(token_logprobs=True),
        _with(stream=True),
    ],
)
def test_another_request_has_another_address(request_: GenerateRequest) -> None:
    """Messages, roles and every parameter decide."""
    assert _address(request=request_) != _address()


def test_sampled_answers_are_kept_per_epoch_and_greedy_ones_are_shared() -> None:
    """Epochs at a temperature are draws; a greedy one is asked once."""
    assert _address(epoch=2) != _address()
    greedy = _with(temperature=0.0)
    assert _address(request=greedy, epoch=2) == _address(request=greedy)


def test_a_test_that_asks_twice_gets_two_answers() -> None:
    """Sampled answers of two tests are two draws; equal calls of one test too."""
    assert _address(place="t.py::a") != _address(place="t.py::b")
    greedy = _with(temperature=0.0)
    first = _address(request=greedy, place="t.py::a")
    assert first == _address(request=greedy, place="t.py::b")
    assert first != _address(request=greedy, place="t.py::a", epoch=2)


def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that sends a vendor's calls elsewhere decides; another's does not."""
    spec = replace(SPEC, options={})
    before = _address(spec)
    monkeypatch.setenv("ANTHROPIC_API_BASE", "http://other.example")
    assert _address(spec) == before
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert _address(spec) != before
    bare = replace(spec, id="claude-haiku-4-5")
    with_variable = _address(bare)
    monkeypatch.delenv("ANTHROPIC_API_BASE")
    assert _address(bare) != with_variable


def test_local_weights_are_told_apart_by_content(tmp_path: Path) -> None:
    """The same path with other bytes is another model; a copy elsewhere has its id."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"one")
    spec = ModelSpec(alias="m", provider="llamacpp", id=str(path))
    first = _address(spec)
    assert _address(replace(spec, context_tokens=64)) != first
    path.write_bytes(b"three")
    assert _address(spec) != first


def test_unknown_identities_are_not_guessed(tmp_path: Path) -> None:
    """Neither a plugin's provider nor weights that are missing have an identity."""
    assert identity_of(ModelSpec(alias="m", provider="acme", id="x")) is None
    missing = str(tmp_path / "none.gguf")
    assert identity_of(ModelSpec(alias="m", provider="llamacpp", id=missing)) is None
