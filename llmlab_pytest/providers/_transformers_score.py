"""Log-likelihoods of continuations with torch: one pass per sample.

All continuations of a sample are one token tree (`_local_tree`). The body of the model
runs over the tree once, each token attending to its ancestors, and only the rows that
predict a scored token go through the output layer, so that no tensor of shape
(positions, vocabulary) appears. A log-probability is `logit - logsumexp(logits)` in
float32, summed in double precision. Samples never share a pass: their numbers do not
depend on what else is in a batch.
"""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from llmlab_pytest.core import ContinuationLogprob
from llmlab_pytest.providers._local_tree import Scored, TokenTree, grow_tree, pack

# Packing pays while attention over the whole tree is cheap; 4,096² mask entries are
# 64 MB in float32. A longer single sequence still runs, alone and without a mask.
_BUDGET_TOKENS = 4096
_TOLERANCE = 1e-3


class TreeScorer:
    """Scores sequences with one model."""

    def __init__(self, model: PreTrainedModel, *, context_tokens: int) -> None:
        self._model = model
        self._context_tokens = context_tokens
        self._can_branch: bool | None = None

    def score(
        self, sequences: Sequence[Scored]
    ) -> tuple[list[ContinuationLogprob], int]:
        """Return one result per sequence, and how many tokens the model read."""
        budget = _BUDGET_TOKENS if self._may_branch() else 0
        unique = list(dict.fromkeys(sequence.inputs for sequence in sequences))
        results: dict[int, ContinuationLogprob] = {}
        tokens_read = 0
        for group in pack(unique, budget_tokens=budget):
            inside = {unique[index] for index in group}
            members = [
                index for index, item in enumerate(sequences) if item.inputs in inside
            ]
            tree = grow_tree([sequences[index].inputs for index in members])
            scores = self._score_tree(tree, [sequences[index] for index in members])
            results.update(zip(members, scores, strict=True))
            tokens_read += len(tree.tokens)
        return [results[index] for index in range(len(sequences))], tokens_read

    def _score_tree(
        self, tree: TokenTree, sequences: Sequence[Scored]
    ) -> list[ContinuationLogprob]:
        nodes = [
            path[-len(item.targets) :]
            for path, item in zip(tree.paths, sequences, strict=True)
        ]
        needed = sorted({node for path in nodes for node in path})
        row_of = {node: row for row, node in enumerate(needed)}
        logits = self._logits(tree, needed)  # (needed, vocabulary)
        total = torch.logsumexp(logits, dim=-1)
        best = logits.argmax(dim=-1)
        results = []
        for path, item in zip(nodes, sequences, strict=True):
            rows = torch.tensor([row_of[node] for node in path], device=logits.device)
            targets = torch.tensor(item.targets, device=logits.device)
            logprobs = logits[rows, targets] - total[rows]
            results.append(
                ContinuationLogprob(
                    loglikelihood=float(logprobs.double().sum()),
                    is_greedy=bool((best[rows] == targets).all()),
                    tokens=len(item.targets),
                )
            )
        return results

    def _logits(self, tree: TokenTree, needed: Sequence[int]) -> torch.Tensor:
        device = self._model.device
        inputs = {"input_ids": torch.tensor([tree.tokens], device=device)}
        if not tree.is_chain:
            inputs["position_ids"] = torch.tensor([tree.depths], device=device)
            inputs["attention_mask"] = ancestor_mask(tree, self._model.dtype).to(device)
        output = self._model(
            **inputs,
            use_cache=False,
            logits_to_keep=torch.tensor(needed, device=device),
        )
        logits: torch.Tensor = output.logits[0].float()
        return logits

    def _may_branch(self) -> bool:
        """Find out once whether the model respects positions and mask of a tree.

        Recurrent layers and some attention kernels ignore them; a sliding window
        shorter than the context would count tree nodes instead of positions.
        """
        if self._can_branch is None:
            window = getattr(self._model.config, "sliding_window", None)
            self._can_branch = (
                window is None or window >= self._context_tokens
            ) and self._branches_exactly()
        return self._can_branch

    def _branches_exactly(self) -> bool:
        checks = [Scored((5, 6, 7, last), (8, 9)) for last in (10, 11)]
        together = self._score_tree(
            grow_tree([check.inputs for check in checks]), checks
        )
        alone = [
            self._score_tree(grow_tree([check.inputs]), [check])[0] for check in checks
        ]
        return all(
            abs(a.loglikelihood - b.loglikelihood) < _TOLERANCE
            for a, b in zip(together, alone, strict=True)
        )


def ancestor_mask(tree: TokenTree, dtype: torch.dtype) -> torch.Tensor:
    """Return what each node may attend to, shape (1, 1, nodes, nodes), to be added."""
    count = len(tree.tokens)
    sees = torch.zeros(count, count, dtype=torch.bool)
    for start, stop, parent in tree.runs:
        if parent >= 0:
            sees[start:stop, :start] = sees[parent, :start]
        sees[start:stop, start:stop] = torch.ones(stop - start, stop - start).tril() > 0
    mask = torch.zeros(count, count, dtype=dtype)
    return mask.masked_fill_(~sees, torch.finfo(dtype).min)[None, None]
