"""Rows that are decoded together: their keys and values in one block of memory.

Each row has a slot that holds its prompt and has room for its answer, so that a step
writes some tokens per row in place; nothing is copied as answers grow. Slots in use are
the first ones: a row that ends gives its slot to the last row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from transformers import Cache, PreTrainedModel

from llmlab_pytest.providers._transformers_attention import RowsLayout

MOST_NEW_TOKENS = 12
"""How many tokens a step takes at most, unless it takes one of each row.

On two cores a step of one row costs the same with 8 tokens (SmolLM2-135M: 43 to 50 ms);
one of 8 rows costs a third more with two tokens each, of 16 rows twice as much.
"""
_ROUND_TOKENS = 128

States = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of one row, per layer: (1, key heads, tokens, width) each."""


class _Place(NamedTuple):
    """Where a step writes, and how far it reads."""

    slots: torch.Tensor
    """Of the new tokens, (rows, new tokens)."""
    longest: int


class _SlotLayer:
    """One layer of the block, as `Cache` knows it; a step adds tokens to each row."""

    is_sliding = False
    is_compileable = False
    is_initialized = True

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.keys, self.values = keys, values
        self.place: _Place | None = None

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        *_args: Any,
        **_settings: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write (rows, key heads, new, width) in place; return what a step may see."""
        if self.place is None:
            msg = "a step has no place to write to"
            raise RuntimeError(msg)
        slots, longest = self.place
        count = len(slots)
        rows = torch.arange(count, device=slots.device)[:, None]
        self.keys[rows, :, slots] = key_states.transpose(1, 2)
        self.values[rows, :, slots] = value_states.transpose(1, 2)
        return self.keys[:count, :, :longest], self.values[:count, :, :longest]


class RowBlock:
    """The slots of one model."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._layers: list[_SlotLayer] = []
        self._cache: Cache | None = None
        self._room_tokens = 0
        self.lengths: list[int] = []
        """Tokens in each slot in use."""

    def add(self, states: States, *, room_tokens: int, most_rows: int) -> None:
        """Give a row the next slot.

        Args:
            states: of its prompt.
            room_tokens: how long prompt and answer may get.
            most_rows: how many slots there will be at most.
        """
        self._reserve(states, room_tokens, most_rows)
        slot = len(self.lengths)
        length = states[0][0].shape[2]
        for layer, (keys, values) in zip(self._layers, states, strict=True):
            layer.keys[slot, :, :length] = keys[0]
            layer.values[slot, :, :length] = values[0]
        self.lengths.append(length)

    def drop(self, slot: int) -> None:
        """Free a slot; the row of the last slot moves into it."""
        last = len(self.lengths) - 1
        length = self.lengths[last]
        if slot != last:
            for layer in self._layers:
                layer.keys[slot, :, :length] = layer.keys[last, :, :length]
                layer.values[slot, :, :length] = layer.values[last, :, :length]
        self.lengths[slot] = length
        self.lengths.pop()

    def step(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """Feed each row its next tokens; they count once `keep` has said how many.

        Args:
            tokens: of each row, at least one.

        Returns:
            Logits after each token, (rows, most tokens of a row, vocabulary); what
            is beyond the tokens of a row means nothing.
        """
        device = self._model.device
        width = max(len(row) for row in tokens)
        filled = [[*row, *([0] * (width - len(row)))] for row in tokens]
        lengths = torch.tensor(self.lengths, device=device)[:, None]
        slots = lengths + torch.arange(width, device=device)
        longest = max(self.lengths) + width
        for layer in self._layers:
            layer.place = _Place(slots, longest)
        output = self._model(
            input_ids=torch.tensor(filled, device=device),
            # What fills a row up may lie beyond the last position of the model.
            position_ids=slots.clamp(max=self._room_tokens - 1),
            attention_mask=torch.empty(len(tokens), 1, 0, 0, device=device),
            past_key_values=self._cache,
            use_cache=True,
            layout=RowsLayout(slots, longest),
        )
        logits: torch.Tensor = output.logits.float()
        return logits

    def keep(self, counts: Sequence[int]) -> None:
        """Keep the first tokens of those that the last step fed to each row."""
        pairs = zip(self.lengths, counts, strict=True)
        self.lengths = [length + count for length, count in pairs]

    def _reserve(self, states: States, room_tokens: int, most_rows: int) -> None:
        """Make the block large enough; what is in use stays."""
        self._room_tokens = max(room_tokens, self._room_tokens)
        needed = room_tokens + MOST_NEW_TOKENS
        room = -(-needed // _ROUND_TOKENS) * _ROUND_TOKENS
        if self._layers:
            rows, _, capacity, _ = self._layers[0].keys.shape
            if room <= capacity and len(self.lengths) < rows:
                return
            room = max(room, capacity)
        old, used = self._layers, max(self.lengths, default=0)
        self._layers = [
            _SlotLayer(_room(keys, most_rows, room), _room(values, most_rows, room))
            for keys, values in states
        ]
        for layer, before in zip(self._layers, old, strict=False):
            count = len(self.lengths)
            layer.keys[:count, :, :used] = before.keys[:count, :, :used]
            layer.values[:count, :, :used] = before.values[:count, :, :used]
        self._cache = Cache(layers=self._layers)


def _room(states: torch.Tensor, rows: int, tokens: int) -> torch.Tensor:
    _, heads, _, width = states.shape
    return states.new_zeros(rows, heads, tokens, width)
