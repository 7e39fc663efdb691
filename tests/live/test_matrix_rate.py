"""What layers ask of a machine and what it gives, on small random models."""

import time

import pytest
import torch
import transformers

from llmlab_pytest.providers._transformers_rate import layer_flop, matrix_flops

pytestmark = pytest.mark.live

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
LAYERS_FLOP = 2 * 3 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64)
"""Queries and output, keys and values, three matrices between; three layers."""


@pytest.mark.parametrize("tied", [True, False])
def test_layers_are_counted_without_embedding_and_output(*, tied: bool) -> None:
    """Two for each weight of a linear layer, whether or not the output has its own."""
    config = transformers.LlamaConfig(**SIZES, tie_word_embeddings=tied)
    assert layer_flop(transformers.LlamaForCausalLM(config)) == LAYERS_FLOP


def test_models_whose_layers_are_not_plain_have_no_count() -> None:
    """A token meets a few of the experts; GPT-2's matrices are no linear layers."""
    mixtral = transformers.MixtralConfig(**SIZES, num_local_experts=4)
    gpt2 = transformers.GPT2Config(vocab_size=97, n_embd=32, n_layer=2, n_head=4)
    assert layer_flop(transformers.MixtralForCausalLM(mixtral)) is None
    assert layer_flop(transformers.GPT2LMHeadModel(gpt2)) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_rate_is_that_of_a_product_and_costs_a_fifth_of_a_second(
    dtype: torch.dtype,
) -> None:
    """It lies within the rates of the same product that a plain loop measures."""
    sizes = {**SIZES, "hidden_size": 256, "intermediate_size": 512}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes)).to(dtype)
    started = time.process_time()
    rate = matrix_flops(model)
    assert time.process_time() - started < 2
    rows = torch.randn(512, 256).to(dtype)
    weight = torch.randn(512, 256).to(dtype)
    spent_s = []
    until = time.perf_counter() + 1  # other processes may hold a core for a while
    while time.perf_counter() < until:
        begun = time.perf_counter()
        torch.nn.functional.linear(rows, weight)
        spent_s.append(time.perf_counter() - begun)
    best = 2 * 512 * 256 * 512 / min(spent_s)
    # Another process may have had the cores while the rate was measured.
    rate = max(rate, *(matrix_flops(model) for _ in range(9)))
    assert best / 4 < rate < best * 4
