"""Generate text with torch: prompts one by one, then all rows a token at a time.

A prompt runs alone, so its numbers are those of a single request and no padding is
computed. Decoding is bound by reading the weights, so the rows of a batch then share
each step, their caches padded on the left. A row leaves the batch when it ends.

Rounding differs between batch shapes. Where the two best tokens of a greedy row are too
close to call, the row is computed again alone; so a batch gives exactly the tokens that
single requests give. Streaming to the caller is left out; the time to the first token
is measured.
"""

import time
from collections.abc import Sequence

import torch
from transformers import DynamicCache, LogitsProcessorList, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from llmlab_pytest.providers._local_row import Detokenize, Row
from llmlab_pytest.providers._local_worker import StopSignal

# The lead of the best token differs by up to 2.5e-5 between a row alone and in a batch
# of ten (SmolLM2-135M, float32, measured); other types round more coarsely than that.
_TOO_CLOSE = 3e-4


class Decoder:
    """Decodes rows with one model."""

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        detokenize: Detokenize,
        processors: LogitsProcessorList,
    ) -> None:
        self._model = model
        self._detokenize = detokenize
        self._processors = processors

    def decode(self, rows: Sequence[Row], signal: StopSignal) -> list[Row]:
        """Bring every row to its end; return the rows in their order."""
        started = time.perf_counter()
        caches = []
        for row in rows:
            caches.append(self._prefill(row, signal))
            row.ttft_s = time.perf_counter() - started
        if len(rows) > 1 and _can_merge(caches):
            unsure = self._decode_batch(rows, caches, signal)
        else:
            unsure = []
            for row, cache in zip(rows, caches, strict=True):
                self._decode_alone(row, cache, signal)
        return [self._again(row, signal) if row in unsure else row for row in rows]

    def _again(self, row: Row, signal: StopSignal) -> Row:
        fresh = row.restarted()
        self._decode_alone(fresh, self._prefill(fresh, signal), signal)
        fresh.compute_s += row.compute_s
        fresh.ttft_s = row.ttft_s
        return fresh

    def _prefill(self, row: Row, signal: StopSignal) -> DynamicCache:
        """Run the prompt and take the first token."""
        signal.check()
        started = time.perf_counter()
        cache = DynamicCache(config=self._model.config)
        logits = self._forward([row.prompt], cache)
        self._take(row, int(logits[0].argmax()), logits[0])
        row.compute_s += time.perf_counter() - started
        return cache

    def _decode_alone(self, row: Row, cache: DynamicCache, signal: StopSignal) -> None:
        started = time.perf_counter()
        while row.stop_reason is None:
            signal.check()
            logits = self._forward([row.tokens[-1:]], cache)
            self._take(row, int(logits[0].argmax()), logits[0])
        row.compute_s += time.perf_counter() - started

    def _decode_batch(
        self, rows: Sequence[Row], caches: Sequence[DynamicCache], signal: StopSignal
    ) -> list[Row]:
        """Decode rows together; return those that are too close to call."""
        active = [index for index, row in enumerate(rows) if row.stop_reason is None]
        going = [rows[index] for index in active]
        unsure: list[Row] = []
        cache, mask = _merge([caches[index] for index in active])
        while going:
            signal.check()
            started = time.perf_counter()
            mask = torch.nn.functional.pad(mask, (0, 1), value=1)
            logits = self._forward([row.tokens[-1:] for row in going], cache, mask)
            close = self._take_all(going, logits)
            unsure += close
            share_s = (time.perf_counter() - started) / len(going)
            for row in going:
                row.compute_s += share_s
            stay = [
                index
                for index, row in enumerate(going)
                if row.stop_reason is None and row not in close
            ]
            if len(stay) < len(going):
                going = [going[index] for index in stay]
                mask = _select(cache, mask, stay)
        return unsure

    def _forward(
        self,
        tokens: Sequence[Sequence[int]],
        cache: DynamicCache,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Feed new tokens (rows, n); return the last logits (rows, vocabulary).

        `mask` is (rows, cached + n), 0 for padding; without it nothing is padded.
        """
        inputs = {"input_ids": torch.tensor(tokens, device=self._model.device)}
        if mask is not None:
            inputs["attention_mask"] = mask
            inputs["position_ids"] = mask.sum(dim=1, keepdim=True) - 1
        output = self._model(
            **inputs, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def _take_all(self, rows: Sequence[Row], logits: torch.Tensor) -> list[Row]:
        """Give each row its next token; return the rows that are too close to call."""
        top = torch.topk(logits, 2, dim=-1)
        gaps = (top.values[:, 0] - top.values[:, 1]).tolist()
        close = []
        for row, gap, best, scores in zip(
            rows, gaps, top.indices[:, 0].tolist(), logits, strict=True
        ):
            if row.decoding.is_greedy and gap < _TOO_CLOSE:
                close.append(row)
            else:
                self._take(row, best, scores)
        return close

    def _take(self, row: Row, best: int, logits: torch.Tensor) -> None:
        if self._processors:
            ids = torch.tensor([row.prompt + row.tokens], device=logits.device)
            logits = self._processors(ids, logits[None].clone())[0]
            best = int(logits.argmax())
        token = best if row.decoding.is_greedy else draw(logits, row)
        logprob = None
        if row.decoding.token_logprobs:
            logprob = float(logits[token] - torch.logsumexp(logits, dim=-1))
        row.take(token, logprob, self._detokenize)


def draw(logits: torch.Tensor, row: Row) -> int:
    """Sample a token by inverting the cumulative distribution, likeliest token first.

    `top_p` keeps the smallest set of tokens whose probabilities sum to at least that
    much (Holtzman et al. 2020, section 3.1).

    Args:
        logits: of one position, shape (vocabulary,).
        row: gives temperature, `top_p` and the random number.
    """
    scaled = logits.double().cpu() / row.decoding.temperature
    probabilities, order = torch.sort(torch.softmax(scaled, dim=-1), descending=True)
    cumulative = probabilities.cumsum(dim=-1)
    nucleus = int((cumulative < row.decoding.top_p).sum()) + 1
    cumulative = cumulative[:nucleus]
    point = row.uniform() * float(cumulative[-1])
    return int(order[int((cumulative <= point).sum())])


def _can_merge(caches: Sequence[DynamicCache]) -> bool:
    """Whether every layer keeps all keys, so that rows can be padded to one length."""
    return all(
        type(layer) is DynamicLayer for cache in caches for layer in cache.layers
    )


def _merge(caches: Sequence[DynamicCache]) -> tuple[DynamicCache, torch.Tensor]:
    """Stack the caches of single rows, padded on the left.

    Returns:
        The cache of all rows and its mask, shape (rows, longest), 1 for a real token.
    """
    merged = DynamicCache()
    if not caches:
        return merged, torch.ones(0, 0, dtype=torch.long)
    lengths = [cache.get_seq_length() for cache in caches]
    longest = max(lengths)
    for index in range(len(caches[0].layers)):
        layers = [cache.layers[index] for cache in caches]
        merged.update(
            torch.cat([_padded(layer.keys, longest) for layer in layers]),
            torch.cat([_padded(layer.values, longest) for layer in layers]),
            index,
        )
    device = caches[0].layers[0].keys.device
    columns = torch.arange(longest, device=device)
    skipped = longest - torch.tensor(lengths, device=device)
    return merged, (columns >= skipped[:, None]).long()


def _padded(states: torch.Tensor, length: int) -> torch.Tensor:
    """(1, heads, n, width) -> (1, heads, length, width), zeros on the left."""
    return torch.nn.functional.pad(states, (0, 0, length - states.shape[2], 0))


def _select(
    cache: DynamicCache, mask: torch.Tensor, rows: Sequence[int]
) -> torch.Tensor:
    """Keep only `rows` in the cache (in place) and in the mask (returned)."""
    chosen = torch.tensor(rows, dtype=torch.long, device=mask.device)
    cache.batch_select_indices(chosen)
    return mask[chosen]
