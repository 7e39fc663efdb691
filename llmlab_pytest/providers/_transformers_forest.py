"""Runs packs of token sequences through a torch model that keeps one path cached.

The cache holds the keys and values of the spine, then those of the pack. A pass takes
some hundred new tokens, so that memory does not grow with the length of a prompt, and
only rows that someone asks for go through the output layer.
"""

from collections.abc import Callable, Sequence

import torch
from transformers import DynamicCache, PreTrainedModel

from llmlab_pytest.providers._local_forest import Group, Pack, Tokens
from llmlab_pytest.providers._transformers_attention import Layout, Segment
from llmlab_pytest.providers._transformers_rows import States

# Matrix products reach their full rate at about a thousand rows; memory grows with the
# rows of a pass.
PASS_TOKENS = 1024
_MOST_LOGITS_BYTES = 1 << 28
_FLOAT_BYTES = 4

Take = Callable[[Sequence[int], torch.Tensor], None]
"""Takes some new tokens of a pack and their logits, (tokens, vocabulary)."""


class Forest:
    """A model with the keys and values of one path."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._cache = DynamicCache()
        self.path: Tokens = ()
        """The tokens whose keys and values are cached."""
        vocabulary = model.config.get_text_config().vocab_size
        self._most_rows = max(1, _MOST_LOGITS_BYTES // (_FLOAT_BYTES * vocabulary))

    def forget(self) -> None:
        """Drop the cached path."""
        self._cache = DynamicCache()
        self.path = ()

    def run(
        self,
        pack: Pack,
        wanted: Sequence[int],
        take: Take,
        *,
        use: Callable[[], None] | None = None,
    ) -> None:
        """Compute a pack whose spine begins the cached path; keep its last path.

        Args:
            pack: what to compute.
            wanted: the new tokens whose logits are asked for, ascending.
            take: called with some of them at a time, in order.
            use: called when all is computed, while `states_of` knows every member.
        """
        is_known = False
        try:
            self._keep(range(len(pack.spine)), pack.spine)
            start, asked = 0, list(wanted)
            while start < len(pack.tokens):
                stop = self._end_of_pass(start, len(pack.tokens), asked)
                rows = [node for node in asked if node < stop]
                asked = asked[len(rows) :]
                logits = self._pass(pack, start, stop, rows)
                if rows:
                    take(rows, logits)
                start = stop
            if use is not None:
                use()
            path, slots = pack.last_path()
            self._keep(slots, path)
            is_known = True
        finally:
            if not is_known:  # what the cache holds
                self.forget()

    def states_of(self, pack: Pack, place: int) -> States:
        """Return keys and values of one member's path, per layer."""
        _, slots = pack.path_of(place)
        chosen = torch.tensor(slots, device=self._model.device)
        return [
            (layer.keys.index_select(2, chosen), layer.values.index_select(2, chosen))
            for layer in self._cache.layers
        ]

    def _end_of_pass(self, start: int, end: int, asked: Sequence[int]) -> int:
        """Return where a pass ends: after so many tokens, or so many rows of logits."""
        # A short last pass would cost nearly as much as a long one.
        is_last = end - start <= PASS_TOKENS * 3 // 2
        stop = end if is_last else start + PASS_TOKENS
        if len(asked) > self._most_rows:
            stop = min(stop, asked[self._most_rows])
        return stop

    def _pass(
        self, pack: Pack, start: int, stop: int, rows: Sequence[int]
    ) -> torch.Tensor:
        """Feed new tokens `start..stop-1`; return logits (rows, vocabulary)."""
        device = self._model.device
        depths = torch.tensor(pack.depths[start:stop], device=device)
        keep = [row - start for row in rows] or [0]
        output = self._model(
            input_ids=torch.tensor([pack.tokens[start:stop]], device=device),
            position_ids=depths[None],
            # Four dimensions stop the model from making masks of its own.
            attention_mask=torch.empty(1, 1, 0, 0, device=device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=torch.tensor(keep, device=device),
            layout=_layout(pack, start, stop, depths),
        )
        logits: torch.Tensor = output.logits[0].float()
        return logits

    def _keep(self, slots: Sequence[int], path: Tokens) -> None:
        """Keep these slots of the cache, in this order: they hold `path`."""
        count = len(slots)
        is_beginning = count == 0 or slots[-1] == count - 1
        for layer in self._cache.layers:
            if not layer.is_initialized:
                continue
            if is_beginning:
                layer.keys = layer.keys[:, :, :count]
                layer.values = layer.values[:, :, :count]
            else:
                chosen = torch.tensor(slots, device=layer.keys.device)
                layer.keys = layer.keys.index_select(2, chosen)
                layer.values = layer.values.index_select(2, chosen)
        self.path = path


def _layout(pack: Pack, start: int, stop: int, depths: torch.Tensor) -> Layout:
    """Describe what the new tokens `start..stop-1` may see."""
    spine = len(pack.spine)
    slot_depths = torch.tensor([*range(spine), *pack.depths[:stop]])
    segments = [
        _segment(pack, group, start, stop).on(depths.device)
        for group in pack.groups
        if group.start < stop and group.stop > start
    ]
    return Layout(segments, depths, slot_depths.to(depths.device))


def _segment(pack: Pack, group: Group, start: int, stop: int) -> Segment:
    first, last = max(group.start, start), min(group.stop, stop)
    return Segment(
        start=first - start,
        stop=last - start,
        above=group.above,
        own=len(pack.spine) + group.start,
        ancestors=_ancestors(pack.parents, group.start, first, last),
    )


def _ancestors(
    parents: Sequence[int], origin: int, start: int, stop: int
) -> torch.Tensor:
    """Return (stop - start, stop - origin): is a token an ancestor, or the row itself.

    Long stretches, each token the parent of the next, make up most of a tree: they are
    filled by blocks.
    """
    count = stop - origin
    sees = torch.zeros(count, count, dtype=torch.bool)
    first = origin
    for node in range(origin + 1, stop + 1):
        if node < stop and parents[node] == node - 1:
            continue
        low, high, parent = first - origin, node - origin, parents[first] - origin
        if parent >= 0:
            sees[low:high, :low] = sees[parent, :low]
        sees[low:high, low:high] = torch.ones(high - low, high - low).tril() > 0
        first = node
    return sees[start - origin :]
