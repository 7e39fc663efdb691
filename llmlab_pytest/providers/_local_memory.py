"""What was found about sequences before: tasks share contexts and choices.

TruthfulQA's mc1 asks a part of what mc2 asks, BBH and MMLU come in variants, and epochs
repeat a sample. A log-likelihood does not change, so it is computed once per model.
"""

import hashlib
from array import array
from collections import OrderedDict

from llmlab_pytest.core import ContinuationLogprob
from llmlab_pytest.providers._local_continuation import Scored

_DIGEST_BYTES = 16


class ScoreMemory:
    """Log-likelihoods by the tokens they belong to; the longest unused go first.

    Args:
        most: how many are kept, at some 300 bytes each.
    """

    def __init__(self, *, most: int = 1 << 17) -> None:
        self._most = most
        self._known: OrderedDict[bytes, ContinuationLogprob] = OrderedDict()

    def recall(self, sequence: Scored) -> ContinuationLogprob | None:
        """Return what is known about a sequence."""
        key = _key(sequence)
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def keep(self, sequence: Scored, logprob: ContinuationLogprob) -> None:
        """Remember what was found about a sequence."""
        self._known[_key(sequence)] = logprob
        if len(self._known) > self._most:
            self._known.popitem(last=False)


def _key(sequence: Scored) -> bytes:
    tokens = array("q", (len(sequence.targets), *sequence.targets, *sequence.inputs))
    return hashlib.blake2b(tokens.tobytes(), digest_size=_DIGEST_BYTES).digest()
