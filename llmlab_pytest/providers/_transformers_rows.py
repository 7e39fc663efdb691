"""Rows that are decoded together: their keys and values in one block of memory.

Each row has a slot that holds its prompt and has room for its answer, so that a step
writes one token per row in place; nothing is copied as answers grow. Slots in use are
the first ones: a row that ends gives its slot to the last row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from transformers import Cache, PreTrainedModel

from llmlab_pytest.providers._transformers_attention import RowsLayout

_ROUND_TOKENS = 128

States = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of one row, per layer: (1, key heads, tokens, width) each."""


class _Place(NamedTuple):
    """Where a step writes, and how far it reads."""

    lengths: torch.Tensor
    """Tokens that each row has had, (rows,)."""
    longest: int


class _SlotLayer:
    """One layer of the block, as `Cache` knows it; a step adds a token to each row."""

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
        """Write (rows, key heads, 1, width) in place; return what the step may see."""
        if self.place is None:
            msg = "a step has no place to write to"
            raise RuntimeError(msg)
        lengths, longest = self.place
        count = len(lengths)
        rows = torch.arange(count, device=lengths.device)
        self.keys[rows, :, lengths] = key_states[:, :, 0]
        self.values[rows, :, lengths] = value_states[:, :, 0]
        return self.keys[:count, :, :longest], self.values[:count, :, :longest]


class RowBlock:
    """The slots of one model."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._layers: list[_SlotLayer] = []
        self._cache: Cache | None = None
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

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Feed each row its next token; return logits (rows, vocabulary)."""
        device = self._model.device
        lengths = torch.tensor(self.lengths, device=device)
        longest = max(self.lengths) + 1
        for layer in self._layers:
            layer.place = _Place(lengths, longest)
        output = self._model(
            input_ids=torch.tensor(tokens, device=device)[:, None],
            position_ids=lengths[:, None],
            attention_mask=torch.empty(len(tokens), 1, 0, 0, device=device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
            layout=RowsLayout(lengths, longest),
        )
        self.lengths = [length + 1 for length in self.lengths]
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def _reserve(self, states: States, room_tokens: int, most_rows: int) -> None:
        """Make the block large enough; what is in use stays."""
        room = -(-room_tokens // _ROUND_TOKENS) * _ROUND_TOKENS
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
