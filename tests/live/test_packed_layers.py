"""Packed linear layers give a model's own numbers, from half the memory."""

import pytest
import torch
import transformers

from llmlab_pytest.providers._transformers_linear import (
    PackedLinear,
    can_pack,
    pack_linears,
)

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not can_pack(), reason="this torch has no packed products"),
]

SMALL = {
    "vocab_size": 160,
    "hidden_size": 128,
    "intermediate_size": 192,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
MATRICES = 2 * (4 + 3)


def llama(*, tied: bool = False) -> transformers.PreTrainedModel:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(**SMALL, tie_word_embeddings=tied)
    return transformers.LlamaForCausalLM(config).eval()


@pytest.mark.parametrize("tied", [False, True])
def test_logits_stay_those_of_the_model(tied: bool) -> None:
    """All matrices are packed, also a head that shares the embedding's weights."""
    model = llama(tied=tied)
    ids = torch.arange(40).reshape(2, 20)
    with torch.inference_mode():
        before = model(ids).logits
        assert pack_linears(model) == MATRICES + 1
        torch.testing.assert_close(model(ids).logits, before, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model(ids[:1, :1]).logits, before[:1, :1])


def test_bfloat16_is_packed_too() -> None:
    """Logits in bfloat16 differ by rounding at most."""
    model = llama().to(torch.bfloat16)
    ids = torch.arange(20)[None]
    with torch.inference_mode():
        before = model(ids).logits.float()
        assert pack_linears(model) == MATRICES + 1
        after = model(ids).logits.float()
    assert float((after - before).abs().max()) < 0.02


def test_weights_are_freed_and_can_be_read() -> None:
    """Only embedding and norms stay parameters; a packed weight reads as it was."""
    model = llama()
    weight = model.model.layers[1].mlp.up_proj.weight.detach().clone()
    pack_linears(model)
    packed = model.model.layers[1].mlp.up_proj
    assert isinstance(packed, PackedLinear)
    assert torch.equal(packed.weight, weight)
    assert {name.rsplit(".", 2)[-2] for name, _ in model.named_parameters()} == {
        "embed_tokens",
        "input_layernorm",
        "post_attention_layernorm",
        "norm",
    }


def test_other_layers_are_left_alone() -> None:
    """Small layers, other numbers and subclasses stay."""

    class Own(torch.nn.Linear):
        pass

    model = torch.nn.Sequential(
        torch.nn.Linear(16, 16),
        torch.nn.Linear(128, 128).double(),
        Own(128, 128),
        torch.nn.Linear(128, 128),
    )
    assert pack_linears(model) == 1
    assert isinstance(model[3], PackedLinear)


def test_bias_is_added() -> None:
    """A layer with a bias gives what it gave."""
    model = torch.nn.Sequential(torch.nn.Linear(128, 136))
    inputs = torch.randn(3, 2, 128)
    with torch.inference_mode():
        before = model(inputs)
        assert pack_linears(model) == 1
        torch.testing.assert_close(model(inputs), before, rtol=1e-4, atol=1e-5)
