"""Attention of a token to its ancestors, for models that use transformers' interface.

transformers calls attention by name and hands unknown keyword arguments of a forward
pass through to it. Under the name `llmlab` this module computes, where a `Layout` comes
along, what each group of rows may see and nothing else: no mask over the whole cache,
no copy of keys for grouped queries. Without a layout it is transformers' own `sdpa`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "llmlab"
_CHANGES_SCORES = ("softcap", "s_aux", "position_bias")


class CannotShare(Exception):
    """The model computes attention in a way that layouts do not describe."""


class Segment(NamedTuple):
    """Rows of one pass that see the same slots of the cache, up to ancestry."""

    start: int
    stop: int
    """Rows `start..stop-1` of the pass."""
    above: tuple[tuple[int, int], ...]
    """Stretches of slots, `start..stop-1`, that all of them see."""
    own: int
    """From this slot on they see their ancestors."""
    ancestors: torch.Tensor
    """Boolean, (rows, slots from `own` on): what is an ancestor of what, or itself."""

    def on(self, device: torch.device) -> "Segment":
        """Return the segment with its tensor on a device."""
        return self._replace(ancestors=self.ancestors.to(device))


@dataclass(slots=True)
class Layout:
    """What the rows of one forward pass may see."""

    segments: Sequence[Segment]
    depths: torch.Tensor
    """Position of each row in its sequence, (rows,)."""
    slot_depths: torch.Tensor
    """Position of what each slot of the cache holds, (slots,)."""
    _masks: dict[tuple[int, int | None], torch.Tensor] = field(default_factory=dict)

    def mask(
        self, index: int, *, window: int | None, dtype: torch.dtype
    ) -> torch.Tensor:
        """Return what a segment adds to its scores, (rows, visible slots)."""
        key = (index, window)
        if key not in self._masks:
            self._masks[key] = self._built(self.segments[index], window, dtype)
        return self._masks[key]

    def _built(
        self, segment: Segment, window: int | None, dtype: torch.dtype
    ) -> torch.Tensor:
        rows = len(segment.ancestors)
        count = sum(stop - start for start, stop in segment.above)
        seen = segment.ancestors.new_ones(rows, count)
        sees = torch.cat([seen, segment.ancestors], dim=1)
        if window is not None:
            places = visible(self.slot_depths, segment, dim=0)
            depths = self.depths[segment.start : segment.stop]
            sees &= depths[:, None] - places[None] < window
        mask = torch.zeros(sees.shape, dtype=dtype, device=sees.device)
        return mask.masked_fill_(~sees, torch.finfo(dtype).min)


@dataclass(slots=True)
class RowsLayout:
    """Some new tokens per row, each row with a past of its own."""

    slots: torch.Tensor
    """Where the new tokens are, (rows, new tokens): after what the row has had."""
    longest: int
    """How many slots the longest row has, the new tokens included."""
    _masks: dict[int | None, torch.Tensor] = field(default_factory=dict)

    def mask(self, window: int | None, query: torch.Tensor) -> torch.Tensor:
        """Return what is added to the scores, (rows, 1, new tokens, slots)."""
        if window not in self._masks:
            slots = torch.arange(self.longest, device=self.slots.device)
            distance = self.slots[:, :, None] - slots
            sees = (distance >= 0) & (distance < (window or self.longest))
            mask = torch.zeros(sees.shape, dtype=query.dtype, device=sees.device)
            mask.masked_fill_(~sees, torch.finfo(query.dtype).min)
            self._masks[window] = mask[:, None]
        return self._masks[window]


def attend(  # noqa: PLR0913 -- transformers' signature
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    layout: Layout | RowsLayout | None = None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as the layout says.

    Args:
        module: of the model.
        query: (1, heads, rows, width); in a block (rows, heads, new tokens, width).
        key: of the whole cache, (1 or rows, key heads, slots, width).
        value: likewise.
        attention_mask: unused with a layout.
        scaling: of the scores.
        layout: what each row may see; without one this is `sdpa`.
        settings: the model's own; some change scores in ways we do not know.

    Returns:
        (1 or rows, rows or new tokens, heads, width), and no weights.

    Raises:
        CannotShare: the model wants scores of another kind.
    """
    if layout is None:
        output, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **settings
        )
        return output, None
    for name in _CHANGES_SCORES:
        if settings.get(name) is not None:
            raise CannotShare(f"its attention has {name}")
    window = settings.get("sliding_window")
    if isinstance(layout, RowsLayout):
        return _attend_rows(query, key, value, layout.mask(window, query), scaling)
    output = torch.empty_like(query)
    for index, segment in enumerate(layout.segments):
        mask = layout.mask(index, window=window, dtype=query.dtype)
        output[:, :, segment.start : segment.stop] = scaled_dot_product_attention(
            query[:, :, segment.start : segment.stop],
            visible(key, segment, dim=2),
            visible(value, segment, dim=2),
            attn_mask=mask,
            scale=scaling,
            enable_gqa=key.shape[1] != query.shape[1],
        )
    return output.transpose(1, 2).contiguous(), None


def _attend_rows(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    scaling: float | None,
) -> tuple[torch.Tensor, None]:
    """Attend within each row; heads that share keys become rows of one head."""
    rows, heads, new, width = query.shape
    sharing = heads // key.shape[1]
    output = scaled_dot_product_attention(
        query.reshape(rows, key.shape[1], sharing * new, width),
        key,
        value,
        attn_mask=mask if new == 1 else mask.repeat(1, 1, sharing, 1),
        scale=scaling,
    )
    return output.reshape(rows, heads, new, -1).transpose(1, 2).contiguous(), None


def visible(states: torch.Tensor, segment: Segment, *, dim: int) -> torch.Tensor:
    """Return only the slots that a segment may see; `dim` is that of the slots."""
    stop = segment.own + segment.ancestors.shape[1]
    stretches = [*segment.above, (segment.own, stop)]
    joined = [stretches[0]]
    for start, stop in stretches[1:]:
        if joined[-1][1] == start:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    parts = [states.narrow(dim, start, stop - start) for start, stop in joined]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=dim)


def use_layouts(model: PreTrainedModel) -> None:
    """Let a model that computes `sdpa` by transformers' choice follow layouts."""
    if attention_of(model) == "sdpa" and model._can_set_attn_implementation():  # noqa: SLF001 -- transformers asks it so
        model.set_attn_implementation(NAME)


def attention_of(model: PreTrainedModel) -> str:
    """Return the name of the attention that a model uses."""
    name: str = model.config.get_text_config()._attn_implementation  # noqa: SLF001 -- the only place where transformers says it
    return name


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
