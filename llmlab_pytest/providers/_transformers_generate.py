"""Generate text with torch: all rows a token at a time, new rows as old ones end.

Prompts run through the forest, which reads equal beginnings once. Decoding is bound by
reading weights and caches, so the rows then share each step; a row that ends gives its
place to the next one at once. For the same reason a step also checks guesses of what a
greedy row says next, looked up in its own text: of those that are right, it gives
several tokens.

Rounding differs between batch shapes. Where the two best tokens of a greedy row are too
close to call in float32, the row is computed again alone; so a batch gives exactly the
tokens that single requests give; who listens hears the text anew only from where it
came out otherwise.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import torch
from transformers import DynamicCache, LogitsProcessorList, PreTrainedModel

from llmlab_pytest.providers._local_continuation import Scored
from llmlab_pytest.providers._local_forest import Pack, plan_packs
from llmlab_pytest.providers._local_lookup import Lookup
from llmlab_pytest.providers._local_row import Detokenize, Row
from llmlab_pytest.providers._local_worker import StopSignal
from llmlab_pytest.providers._transformers_forest import PASS_TOKENS, Forest
from llmlab_pytest.providers._transformers_rows import MOST_NEW_TOKENS, RowBlock

# The lead of the best token differs by up to 2.5e-5 between a row alone and in a batch
# of ten (SmolLM2-135M, float32, measured). Other types round so coarsely that every
# text has ties: there, what is in a batch may decide them.
_TOO_CLOSE = {torch.float32: 3e-4}
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
        if self._can_share():
            batch = _Batch(self._model, self._forest, rows, self)
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

    def can_guess(self, row: Row) -> bool:
        """Whether the next tokens of a row follow from its logits alone."""
        return row.decoding.is_greedy and not self._processors

    def take_all(
        self,
        rows: Sequence[Row],
        guesses: Sequence[Sequence[int]],
        logits: torch.Tensor,
    ) -> list[bool]:
        """Give each row its next tokens; say which rows are too close to call.

        A row goes on with the logits after a guess only if it took that token.

        Args:
            rows: that go on.
            guesses: of each row's next tokens.
            logits: before the first guess, and after each,
                (rows, at least guesses + 1, vocabulary).
        """
        too_close = _TOO_CLOSE.get(self._model.dtype, 0.0)
        top = torch.topk(logits, 2, dim=-1)
        gaps = (top.values[..., 0] - top.values[..., 1]).tolist()
        best = top.indices[..., 0].tolist()
        close = [False] * len(rows)
        for at, (row, guessed) in enumerate(zip(rows, guesses, strict=True)):
            for place in range(len(guessed) + 1):
                if row.decoding.is_greedy and gaps[at][place] < too_close:
                    close[at] = True
                    break
                self._take(row, best[at][place], logits[at, place])
                is_right = guessed[place : place + 1] == row.tokens[-1:]
                if row.stop_reason is not None or not is_right:
                    break
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


class _Batch:
    """Rows on their way: some wait, some are decoded together, some have ended."""

    def __init__(
        self,
        model: PreTrainedModel,
        forest: Forest,
        rows: Sequence[Row],
        decoder: Decoder,
    ) -> None:
        self._forest = forest
        self._rows = rows
        self._decoder = decoder
        self._block = RowBlock(model)
        self._waiting = deque(range(len(rows)))
        self._going: list[int] = []
        """The row in each slot of the block."""
        self._lookups: list[Lookup] = []
        """Of the row in each slot."""
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
            nothing: list[list[int]] = [[]] * len(rows)
            close = self._decoder.take_all(rows, nothing, logits[:, None])
            for place, index in enumerate(indices):
                if close[place] or self._rows[index].stop_reason is not None:
                    ended.append(index)
                    continue
                states = self._forest.states_of(pack, place)
                self._block.add(states, room_tokens=self._room, most_rows=self._most)
                self._going.append(index)
                self._lookups.append(Lookup([*rows[place].prompt, *rows[place].tokens]))

        self._forest.run(pack, sorted(set(lasts)), take, use=use)
        spent_s = time.perf_counter() - started
        for place, index in enumerate(indices):
            row = self._rows[index]
            row.ttft_s = time.perf_counter() - self._started
            row.read_tokens += pack.costs[place]
            row.compute_s += spent_s * pack.costs[place] / max(1, len(pack.tokens))
        return ended

    def _step(self) -> list[int]:
        """Give every row its next tokens; free the places of those that end."""
        started = time.perf_counter()
        rows = [self._rows[index] for index in self._going]
        guesses = self._guesses(rows)
        had = [len(row.tokens) for row in rows]
        fed = [[row.tokens[-1], *g] for row, g in zip(rows, guesses, strict=True)]
        close = self._decoder.take_all(rows, guesses, self._block.step(fed))
        new = [row.tokens[count:] for row, count in zip(rows, had, strict=True)]
        self._block.keep([max(1, len(tokens)) for tokens in new])
        share_s = (time.perf_counter() - started) / len(rows)
        ended = []
        for slot in reversed(range(len(rows))):
            rows[slot].compute_s += share_s
            if close[slot] or rows[slot].stop_reason is not None:
                ended.append(self._going[slot])
                self._drop(slot)
            else:
                self._lookups[slot].extend(new[slot])
                right = len(new[slot]) - 1
                self._lookups[slot].learn(guessed=len(guesses[slot]), right=right)
        return ended

    def _guesses(self, rows: Sequence[Row]) -> list[list[int]]:
        """Guess the next tokens of each row, as many as cost next to nothing."""
        most = MOST_NEW_TOKENS // len(rows) - 1
        guesses = []
        for row, lookup in zip(rows, self._lookups, strict=True):
            left = row.decoding.max_tokens - len(row.tokens) - 1
            may = self._decoder.can_guess(row)
            guesses.append(lookup.guess(min(most, left)) if may else [])
        return guesses

    def _drop(self, slot: int) -> None:
        """Free a slot; the row of the last slot moves into it."""
        self._block.drop(slot)
        self._going[slot], self._lookups[slot] = self._going[-1], self._lookups[-1]
        del self._going[-1], self._lookups[-1]


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
