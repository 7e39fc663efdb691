"""Log-likelihoods of continuations with torch: every shared beginning is read once.

A log-probability is `logit - logsumexp(logits)` in float32, for the rows that predict a
target and no others, so that no tensor of shape (positions, vocabulary) appears; those
of a continuation are added in double precision.

Numbers differ in the sixth digit with what else is computed in a pass, as they do for
any batched engine; the tests bound that.
"""

import logging
import math
import time
from collections.abc import Iterator, Sequence

import torch
from transformers import PreTrainedModel

from llmlab_pytest.core import ContinuationLogprob
from llmlab_pytest.providers._local_continuation import Finding, Scored
from llmlab_pytest.providers._local_forest import Pack, plan_packs
from llmlab_pytest.providers._local_worker import StopSignal
from llmlab_pytest.providers._transformers_attention import (
    NAME,
    CannotShare,
    attention_of,
)
from llmlab_pytest.providers._transformers_forest import PASS_TOKENS, Forest

_LOG = logging.getLogger(__name__)
# How far three tokens' log-likelihood may be off when it is computed in another order;
# what sees the wrong tokens is off by several nats.
_TOLERANCES = {torch.float32: 1e-2, torch.float16: 0.2, torch.bfloat16: 1.0}
_CACHED_ROWS = 32
# What models raise that take no layout, no mask of four dimensions or no such cache.
_REFUSALS = (
    CannotShare,
    AttributeError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


class ForestScorer:
    """Scores sequences with one model."""

    def __init__(self, model: PreTrainedModel, forest: Forest) -> None:
        self._model = model
        self._forest = forest
        self._is_checked = False
        self._obstacle: str | None = None

    def score(
        self, sequences: Sequence[Scored], signal: StopSignal
    ) -> Iterator[Finding]:
        """Yield a finding per sequence as soon as it is known, in no order."""
        if self.obstacle is not None:
            yield from self._one_by_one(sequences, signal)
            return
        packs = plan_packs(
            sequences, cached=self._forest.path, budget_tokens=PASS_TOKENS
        )
        for pack in packs:
            signal.check()
            yield from self._score_pack(pack, sequences)

    @property
    def obstacle(self) -> str | None:
        """Why sequences cannot share beginnings on this model; found out once.

        Recurrent layers ignore what a token may see, and some models compute attention
        by themselves.
        """
        if not self._is_checked:
            self._is_checked = True
            self._obstacle = self._find_obstacle()
            if self._obstacle is not None:
                _LOG.warning(
                    "%s scores sequences one by one: %s",
                    type(self._model).__name__,
                    self._obstacle,
                )
        return self._obstacle

    def _find_obstacle(self) -> str | None:
        if (attention := attention_of(self._model)) != NAME:
            return f"its attention is {attention!r}"
        try:
            gap = self._gap()
        except _REFUSALS as error:
            return str(error) or type(error).__name__
        finally:
            self._forest.forget()
        tolerance = _TOLERANCES.get(self._model.dtype, 0.0)
        return None if gap < tolerance else f"numbers differ by {gap:.2g} if shared"

    def _gap(self) -> float:
        """Compare sequences that share beginnings with each of them alone."""
        stem = tuple(range(3, 27))
        ends = ((5, 6, 7), (5, 6, 8), (9, 4))
        checks = [Scored((*stem, *end), end) for end in ends]
        again = [Scored((*stem, 7, 3, *end), end) for end in ends]
        alone = self._one_by_one([*checks, *again], StopSignal())
        single = [finding.logprob.loglikelihood for finding in alone]
        shared: list[float] = []
        for part in (checks, again):  # the second builds on what the first has cached
            packs = plan_packs(
                part, cached=self._forest.path, budget_tokens=PASS_TOKENS
            )
            found = {
                f.sequence: f for pack in packs for f in self._score_pack(pack, part)
            }
            shared += [found[index].logprob.loglikelihood for index in sorted(found)]
        return max(abs(a - b) for a, b in zip(shared, single, strict=True))

    def _score_pack(self, pack: Pack, sequences: Sequence[Scored]) -> Iterator[Finding]:
        started = time.perf_counter()
        readings = _Readings(pack, sequences)
        self._forest.run(pack, readings.wanted, readings.take)
        spent_s = time.perf_counter() - started
        for place, index in enumerate(pack.members):
            share = pack.costs[place] / max(1, len(pack.tokens))
            yield Finding(
                sequence=index,
                logprob=readings.logprob_of(place),
                tokens_read=pack.costs[place],
                compute_s=spent_s * share,
            )

    def _one_by_one(
        self, sequences: Sequence[Scored], signal: StopSignal
    ) -> Iterator[Finding]:
        for index, sequence in enumerate(sequences):
            signal.check()
            started = time.perf_counter()
            inputs = torch.tensor([sequence.inputs], device=self._model.device)
            logits = self._model(
                input_ids=inputs,
                use_cache=False,
                logits_to_keep=len(sequence.targets),
            ).logits[0]
            targets = torch.tensor(sequence.targets, device=logits.device)
            yield Finding(
                sequence=index,
                logprob=_logprob(*_read(logits[-len(targets) :].float(), targets)),
                tokens_read=len(sequence.inputs),
                compute_s=time.perf_counter() - started,
            )


class _Readings:
    """What is read off the logits of a pack, row by row."""

    def __init__(self, pack: Pack, sequences: Sequence[Scored]) -> None:
        self._pairs = pack.readings(sequences)
        self._asked: dict[int, list[int]] = {}
        for node, target in {pair for pairs in self._pairs for pair in pairs}:
            self._asked.setdefault(node, []).append(target)
        self.wanted = sorted(self._asked)
        """The new tokens whose logits are needed."""
        self._found: dict[tuple[int, int], tuple[float, bool]] = {}

    def take(self, nodes: Sequence[int], logits: torch.Tensor) -> None:
        """Read what is asked of some nodes; logits (nodes, vocabulary)."""
        pairs = [
            (row, node, target)
            for row, node in enumerate(nodes)
            for target in self._asked[node]
        ]
        rows = torch.tensor([row for row, _, _ in pairs], device=logits.device)
        targets = torch.tensor([t for _, _, t in pairs], device=logits.device)
        values, is_best = _read(logits, targets, rows)
        for (_, node, target), value, best in zip(pairs, values, is_best, strict=True):
            self._found[node, target] = (value, best)

    def logprob_of(self, place: int) -> ContinuationLogprob:
        """Return the result of the pack's member at `place`."""
        found = [self._found[pair] for pair in self._pairs[place]]
        return _logprob([value for value, _ in found], [best for _, best in found])


def _read(
    logits: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor | None = None
) -> tuple[list[float], list[bool]]:
    """Return each target's log-probability in its row, and whether it is the best.

    Args:
        logits: (rows, vocabulary), float32.
        targets: token ids.
        rows: the row of each target; without them one target per row, in order.
    """
    if rows is None:
        rows = torch.arange(len(targets), device=logits.device)
    # Some rows at a time, so that what is computed on the way stays in the cache.
    sums = [torch.logsumexp(part, dim=-1) for part in logits.split(_CACHED_ROWS)]
    values = logits[rows, targets] - torch.cat(sums)[rows]
    is_best = logits.argmax(dim=-1)[rows] == targets
    return values.tolist(), is_best.tolist()


def _logprob(values: Sequence[float], is_best: Sequence[bool]) -> ContinuationLogprob:
    return ContinuationLogprob(
        loglikelihood=math.fsum(values), is_greedy=all(is_best), tokens=len(values)
    )
