"""Generate text with torch: all rows a token at a time, new rows as old ones end.

Prompts run through the forest, which reads equal beginnings once. Decoding is bound by
reading weights and caches, so the rows then share each step; a row that ends gives its
place to the next one at once.

Rounding differs between batch shapes. Where the two best tokens of a greedy row are too
close to call, the row is computed again alone; so a batch gives exactly the tokens that
single requests give. Streaming to the caller is left out; the time to the first token
is measured.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import torch
from transformers import DynamicCache, LogitsProcessorList, PreTrainedModel

from llmlab_pytest.providers._local_continuation import Scored
from llmlab_pytest.providers._local_forest import Pack, plan_packs
from llmlab_pytest.providers._local_row import Detokenize, Row
from llmlab_pytest.providers._local_worker import StopSignal
from llmlab_pytest.providers._transformers_forest import PASS_TOKENS, Forest
from llmlab_pytest.providers._transformers_rows import RowBlock

# The lead of the best token differs by up to 2.5e-5 between a row alone and in a batch
# of ten (SmolLM2-135M, float32, measured); other types round more coarsely than that.
_TOO_CLOSE = 3e-4
_MOST_ROWS = 16
_MOST_BLOCK_BYTES = 1 << 30


class Decoder:
    """Decodes rows with one model."""

    def __init__(
        self,
        model: PreTrainedModel,
        forest: Forest,
        *,
        can_share: Callable[[], bool],
        detokenize: Detokenize,
        processors: LogitsProcessorList,
    ) -> None:
        self._model = model
        self._forest = forest
        self._can_share = can_share
        self._detokenize = detokenize
        self._processors = processors

    def decode(
        self, rows: Sequence[Row], signal: StopSignal
    ) -> Iterator[tuple[int, Row]]:
        """Bring every row to its end; yield each with its index when it is there."""
        if len(rows) > 1 and self._can_share():
            batch = _Batch(self._model, self._forest, rows, self._take_all)
            unsure = []
            for index in batch.ended(signal):
                if rows[index].stop_reason is None:
                    unsure.append(index)
                else:
                    yield index, rows[index]
        else:
            unsure = list(range(len(rows)))
        for index in unsure:
            yield index, self._alone(rows[index], signal)

    def _alone(self, row: Row, signal: StopSignal) -> Row:
        """Decode a row from its beginning as `generate` would."""
        fresh = row.restarted()
        started = time.perf_counter()
        cache = DynamicCache(config=self._model.config)
        tokens = fresh.prompt
        while fresh.stop_reason is None:
            signal.check()
            output = self._model(
                torch.tensor([tokens], device=self._model.device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            logits = output.logits[0, -1].float()
            self._take(fresh, int(logits.argmax()), logits)
            if fresh.ttft_s is None:
                fresh.ttft_s = time.perf_counter() - started
            tokens = fresh.tokens[-1:]
        fresh.read_tokens = row.read_tokens + len(row.prompt)
        fresh.compute_s = row.compute_s + time.perf_counter() - started
        fresh.ttft_s = fresh.ttft_s if row.ttft_s is None else row.ttft_s
        return fresh

    def _take_all(self, rows: Sequence[Row], logits: torch.Tensor) -> list[bool]:
        """Give each row its next token; say which rows are too close to call.

        Args:
            rows: that go on.
            logits: (rows, vocabulary).
        """
        top = torch.topk(logits, 2, dim=-1)
        gaps = (top.values[:, 0] - top.values[:, 1]).tolist()
        close = []
        for row, gap, best, scores in zip(
            rows, gaps, top.indices[:, 0].tolist(), logits, strict=True
        ):
            close.append(row.decoding.is_greedy and gap < _TOO_CLOSE)
            if not close[-1]:
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


TakeAll = Callable[[Sequence[Row], torch.Tensor], list[bool]]


class _Batch:
    """Rows on their way: some wait, some are decoded together, some have ended."""

    def __init__(
        self,
        model: PreTrainedModel,
        forest: Forest,
        rows: Sequence[Row],
        take_all: TakeAll,
    ) -> None:
        self._forest = forest
        self._rows = rows
        self._take_all = take_all
        self._block = RowBlock(model)
        self._waiting = deque(range(len(rows)))
        self._going: list[int] = []
        """The row in each slot of the block."""
        self._room = max(len(r.prompt) + r.decoding.max_tokens for r in rows)
        self._most = _slots(model, self._room, len(rows))
        self._started = time.perf_counter()

    def ended(self, signal: StopSignal) -> Iterator[int]:
        """Yield each row when it has ended, or is too close to call."""
        while self._waiting or self._going:
            signal.check()
            if self._waiting and len(self._going) <= self._most - self._least_refill():
                yield from self._admit()
            elif self._going:
                yield from self._step()

    def _least_refill(self) -> int:
        """Return for how many free places prompts are read: some, to read together."""
        return min(len(self._waiting), max(1, self._most // 4))

    def _admit(self) -> Iterator[int]:
        """Read the prompts of the next rows and take their first tokens."""
        free = self._most - len(self._going)
        chosen = [self._waiting.popleft() for _ in range(min(free, len(self._waiting)))]
        # One target: the logits of the last token of each prompt.
        prompts = [Scored(tuple(self._rows[index].prompt), (0,)) for index in chosen]
        packs = plan_packs(prompts, cached=self._forest.path, budget_tokens=PASS_TOKENS)
        for pack in packs:
            yield from self._read(pack, [chosen[place] for place in pack.members])

    def _read(self, pack: Pack, indices: Sequence[int]) -> list[int]:
        started = time.perf_counter()
        lasts = [path[-1] for path in pack.paths]
        found: dict[int, torch.Tensor] = {}
        ended: list[int] = []

        def take(nodes: Sequence[int], logits: torch.Tensor) -> None:
            found.update(zip(nodes, logits, strict=True))

        def use() -> None:
            rows = [self._rows[index] for index in indices]
            logits = torch.stack([found[last] for last in lasts])
            close = self._take_all(rows, logits)
            for place, index in enumerate(indices):
                if close[place] or self._rows[index].stop_reason is not None:
                    ended.append(index)
                    continue
                states = self._forest.states_of(pack, place)
                self._block.add(states, room_tokens=self._room, most_rows=self._most)
                self._going.append(index)

        self._forest.run(pack, sorted(set(lasts)), take, use=use)
        spent_s = time.perf_counter() - started
        for place, index in enumerate(indices):
            row = self._rows[index]
            row.ttft_s = time.perf_counter() - self._started
            row.read_tokens += pack.costs[place]
            row.compute_s += spent_s * pack.costs[place] / max(1, len(pack.tokens))
        return ended

    def _step(self) -> list[int]:
        """Give every row its next token; free the places of those that end."""
        started = time.perf_counter()
        rows = [self._rows[index] for index in self._going]
        logits = self._block.step([row.tokens[-1] for row in rows])
        close = self._take_all(rows, logits)
        share_s = (time.perf_counter() - started) / len(rows)
        ended = []
        for slot in reversed(range(len(rows))):
            rows[slot].compute_s += share_s
            if close[slot] or rows[slot].stop_reason is not None:
                ended.append(self._going[slot])
                self._block.drop(slot)
                last = self._going.pop()
                if slot < len(self._going):
                    self._going[slot] = last
        return ended


def _slots(model: PreTrainedModel, room_tokens: int, rows: int) -> int:
    """Return how many rows are decoded together: memory bounds them."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or (
        config.hidden_size // config.num_attention_heads
    )
    bytes_per_token = (
        2 * config.num_hidden_layers * heads * width * model.dtype.itemsize
    )
    fit = _MOST_BLOCK_BYTES // int(max(1, bytes_per_token * room_tokens))
    return max(1, min(_MOST_ROWS, rows, fit))


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
