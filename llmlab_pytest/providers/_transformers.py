"""The provider `transformers`: a causal language model in torch, on this machine.

Loads a folder with safetensors or a GGUF file (unpacked to float32) and answers chat,
completion and log-likelihood requests. In float32, greedy tokens equal those of
transformers' own `apply_chat_template` and `generate(do_sample=False)` and
log-likelihoods those of lm-eval's `HFLM`, up to float32 rounding. The workers of xdist
share one process. Adapters, quantised execution and several devices are left out.

Options in the model registry: `dtype` (`float32`, for numbers that others get too,
`bfloat16`, `float16`, or `auto`, the default: bfloat16 where the processor multiplies
it, else float32), `device` (`cpu`), `threads` (all cores; divided by the workers where
these cannot share), `batch_size` (64), `attn_implementation` (ours, which reads shared
beginnings once; with any other, sequences are scored one by one), and `truncate`:
`auto` (contexts of log-likelihood requests lose tokens from the left as in lm-eval,
generation raises `ContextOverflow`), or `left` or `error` for both.
"""

from collections.abc import Iterator, Sequence

import torch
from transformers import (
    GenerationConfig,
    LogitsProcessorList,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    RepetitionPenaltyLogitsProcessor,
)

from llmlab_pytest.core import LAYER_FLOP, MATRIX_FLOPS, Message, ModelSpec
from llmlab_pytest.providers._local_continuation import Finding, Prefix, Scored
from llmlab_pytest.providers._local_decoding import OptionKind, known_options
from llmlab_pytest.providers._local_model import TRUNCATE_CHOICES, LocalModel
from llmlab_pytest.providers._local_row import Row
from llmlab_pytest.providers._local_worker import (
    LocalWorker,
    StopSignal,
    usable_threads,
)
from llmlab_pytest.providers._transformers_attention import use_layouts
from llmlab_pytest.providers._transformers_dtype import DTYPES, resolve_dtype
from llmlab_pytest.providers._transformers_forest import Forest
from llmlab_pytest.providers._transformers_generate import Decoder
from llmlab_pytest.providers._transformers_linear import pack_linears
from llmlab_pytest.providers._transformers_load import load_weights
from llmlab_pytest.providers._transformers_rate import layer_flop, matrix_flops
from llmlab_pytest.providers._transformers_score import ForestScorer
from llmlab_pytest.providers._weights import digest_of_weights, find_weights

_OPTIONS: dict[str, OptionKind] = {
    "dtype": DTYPES,
    "device": str,
    "threads": int,
    "batch_size": int,
    "attn_implementation": str,
    "truncate": TRUNCATE_CHOICES,
}
_DEFAULT_BATCH = 64
_UNLIMITED_TOKENS = 1 << 30


class Transformers(LocalModel):
    """A `Model` that computes with torch in a thread of its own."""

    def __init__(self, spec: ModelSpec) -> None:
        """Load the model of `spec`: calling this class is calling the provider.

        Raises:
            ConfigError: an option of the spec is unknown or wrong.
            MissingDependency: the package that carries the weights is not installed.
            ModelError: the weights are missing, damaged or of an unknown kind.
        """
        options = known_options(spec, _OPTIONS)
        path = find_weights(spec)
        device = options.get("device", "cpu")
        loaded = load_weights(
            path,
            spec,
            dtype=resolve_dtype(options.get("dtype", "auto"), device),
            device=device,
            attention=options.get("attn_implementation"),
        )
        if "attn_implementation" not in options:
            use_layouts(loaded.model)
        pack_linears(loaded.model)
        threads = options.get("threads", usable_threads())
        super().__init__(
            spec,
            _TorchBackend(loaded.model, loaded.tokenizer, spec.context_tokens),
            LocalWorker(
                f"llmlab-{spec.alias}",
                initializer=lambda: torch.set_num_threads(threads),
            ),
            batch_size=options.get("batch_size", _DEFAULT_BATCH),
            truncate=options.get("truncate", "auto"),
            digest=digest_of_weights(path),
        )
        self.facts["dtype"] = str(loaded.model.dtype).removeprefix("torch.")


class _TorchBackend:
    """A transformers model and its tokenizer behind the `Backend` protocol."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        context_tokens: int | None,
    ) -> None:
        config = model.config.get_text_config()
        own = getattr(config, "max_position_embeddings", None) or _UNLIMITED_TOKENS
        self.context_tokens: int = min(own, context_tokens or own)
        self.has_chat_template = bool(tokenizer.chat_template)
        self.ends = _end_tokens(model.generation_config, tokenizer)
        self.prefix = _prefix(tokenizer)
        self._model = model
        self._tokenizer = tokenizer
        forest = Forest(model)
        self._scorer = ForestScorer(model, forest)
        self._decoder = Decoder(
            model,
            forest,
            can_share=lambda: self._scorer.obstacle is None,
            detokenize=self.detokenize,
            processors=_processors(model.generation_config),
        )

    def encode(self, text: str, *, add_special: bool | None = None) -> list[int]:
        """Return the tokens of `text`, with the tokenizer's default of BOS and EOS."""
        special = {} if add_special is None else {"add_special_tokens": add_special}
        ids: list[int] = self._tokenizer.encode(text, **special)
        return ids

    def detokenize(self, ids: Sequence[int]) -> str:
        """Return the text of `ids` without special tokens."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text

    def render(self, messages: Sequence[Message]) -> str:
        """Apply the tokenizer's chat template."""
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        text: str = self._tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, tokenize=False
        )
        return text

    def special_token(self, text: str) -> int | None:
        """Return the id if `text` is exactly one special token."""
        if text not in self._tokenizer.all_special_tokens:
            return None
        token: int = self._tokenizer.convert_tokens_to_ids(text)
        return token

    def generate(
        self, rows: Sequence[Row], signal: StopSignal
    ) -> Iterator[tuple[int, Row]]:
        """Bring every row to its end; yield each with its index when it is there."""
        with torch.inference_mode():
            yield from self._decoder.decode(rows, signal)

    def score(
        self, sequences: Sequence[Scored], signal: StopSignal
    ) -> Iterator[Finding]:
        """Yield what is found about each sequence as soon as it is known."""
        with torch.inference_mode():
            yield from self._scorer.score(sequences, signal)

    def measure(self) -> dict[str, str]:
        """Say what the layers ask of this machine per token, and what it gives."""
        if (flop := layer_flop(self._model)) is None:
            return {}
        rate = matrix_flops(self._model)
        return {LAYER_FLOP: f"{flop:.0f}", MATRIX_FLOPS: f"{rate:.0f}"}

    def close(self) -> None:
        """Release the weights: nothing else in this class refers to the model."""
        del self._decoder, self._scorer, self._model


def _end_tokens(
    config: GenerationConfig, tokenizer: PreTrainedTokenizerBase
) -> frozenset[int]:
    """Return the end tokens of `generate`, and the tokenizer's as lm-eval does."""
    own = config.eos_token_id
    ends = own if isinstance(own, list) else [own]
    return frozenset(
        token for token in (*ends, tokenizer.eos_token_id) if token is not None
    )


def _prefix(tokenizer: PreTrainedTokenizerBase) -> Prefix:
    """Return the token before an empty context: BOS, else EOS, as in lm-eval."""
    token = tokenizer.bos_token_id
    token = tokenizer.eos_token_id if token is None else token
    if token is None:
        return Prefix(0, "")
    return Prefix(token, tokenizer.decode([token]))


def _processors(config: GenerationConfig) -> LogitsProcessorList:
    """Return what `generate` would apply to greedy decoding by the model's own wish."""
    penalty = config.repetition_penalty
    if penalty in (None, 1.0):
        return LogitsProcessorList()
    return LogitsProcessorList([RepetitionPenaltyLogitsProcessor(penalty=penalty)])
