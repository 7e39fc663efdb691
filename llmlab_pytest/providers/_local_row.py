"""One generation on its way: what was asked, the tokens so far, and how it ended."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from llmlab_pytest.core import StopReason, TokenLogprob
from llmlab_pytest.providers._local_decoding import Decoding, cut_at_stops, has_stop
from llmlab_pytest.providers._local_pieces import Pieces

Detokenize = Callable[[Sequence[int]], str]
"""Token ids to text without special tokens."""

_MANTISSA_BITS = 53


@dataclass(slots=True, kw_only=True, eq=False)
class Row:
    """One request in a decoder."""

    prompt: list[int]
    decoding: Decoding
    ends: frozenset[int]
    """Token ids that end the answer; they are no part of it."""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    text: str = ""
    """Without what follows the first stop string; set when the row has ended."""
    stop_reason: StopReason | None = None
    read_tokens: int = 0
    """Prompt tokens that were computed for this row's sake; others were shared."""
    compute_s: float = 0.0
    ttft_s: float | None = None
    seed: int = field(default_factory=lambda: secrets.randbits(64))
    pieces: Pieces | None = None
    """Tells the text to who listens."""
    _lengths: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take the seed that was asked for."""
        if self.decoding.seed is not None:
            self.seed = self.decoding.seed

    def restarted(self) -> "Row":
        """Return the row as it was before its first token."""
        if self.pieces is not None:
            self.pieces.restart()
        return Row(
            prompt=self.prompt,
            decoding=self.decoding,
            ends=self.ends,
            seed=self.seed,
            pieces=self.pieces,
        )

    def uniform(self) -> float:
        """Return this step's random number in [0, 1).

        It is a function of seed and step alone: neither the other rows of a batch nor
        a restart change it.
        """
        step = f"{self.seed}:{len(self.tokens)}".encode()
        bits = int.from_bytes(hashlib.sha256(step).digest()[:8], "big")
        return (bits >> (64 - _MANTISSA_BITS)) / (1 << _MANTISSA_BITS)

    def take(self, token: int, logprob: float | None, detokenize: Detokenize) -> None:
        """Append `token`, or end the row with it."""
        self._take(token, logprob, detokenize)
        if self.pieces is None:
            return
        if self.stop_reason is None:
            self.pieces.take(self.tokens)
        else:
            self.pieces.end(self.text)

    def _take(self, token: int, logprob: float | None, detokenize: Detokenize) -> None:
        if token in self.ends:
            self._finish("stop", detokenize(self.tokens))
            return
        self.tokens.append(token)
        if logprob is not None:
            self.logprobs.append(logprob)
        stops = self.decoding.stop
        is_full = len(self.tokens) >= self.decoding.max_tokens
        if not (stops or is_full):
            return
        text = detokenize(self.tokens)
        self._lengths.append(len(text))
        if has_stop(text, stops):
            self._finish("stop", text)
        elif is_full:
            self._finish("length", text)

    def _finish(self, reason: StopReason, text: str) -> None:
        self.stop_reason = reason
        self.text = cut_at_stops(text, self.decoding.stop)

    def token_logprobs(self, detokenize: Detokenize) -> tuple[TokenLogprob, ...]:
        """Return token and log-probability of each token that begins in the text."""
        count = len(self.tokens)
        if self.decoding.stop:
            starts = [0, *self._lengths[:-1]]
            count = sum(start < len(self.text) for start in starts[:count])
        pairs = zip(self.tokens[:count], self.logprobs[:count], strict=False)
        return tuple(
            TokenLogprob(token=detokenize([token]), logprob=logprob)
            for token, logprob in pairs
        )
