"""What the two local providers share: requests in, completions out.

A backend knows one library (torch or llama.cpp): tokens, text, decoding and scoring.
`LocalModel` does the rest once: prompts, contexts, stop strings, usage and timing.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from jinja2 import TemplateError

from llmlab_pytest.core import (
    MATRIX_FLOPS,
    Completion,
    ContextOverflow,
    GenerateConfig,
    GenerateRequest,
    Listener,
    LoglikelihoodRequest,
    Message,
    ModelSpec,
    ProviderError,
    Request,
    RollingRequest,
    Unsupported,
    Usage,
    listeners_here,
    shorten,
)
from llmlab_pytest.providers._local_continuation import (
    Finding,
    Prefix,
    Scored,
    count_tokens,
    encode_continuation,
    joined,
    rolling_windows,
    scored_sequence,
)
from llmlab_pytest.providers._local_decoding import overflow, resolve_decoding
from llmlab_pytest.providers._local_memory import ScoreMemory
from llmlab_pytest.providers._local_pieces import Pieces
from llmlab_pytest.providers._local_row import Row
from llmlab_pytest.providers._local_worker import (
    Interrupted,
    LocalWorker,
    StopSignal,
)
from llmlab_pytest.providers._price import local_cost_usd, own_price

_LOG = logging.getLogger(__name__)
TRUNCATE_CHOICES = ("auto", "left", "error")

_REAL_WORK_S = 5.0
"""Shorter runs are not worth 0.2 s for measuring the machine."""
_AGAIN_AFTER = 4
"""The machine may be busy with others just then: the best of a few times counts."""

Deliver = Callable[[int, Completion], None]
"""Takes the completion of the request with this index."""


class Backend(Protocol):
    """One loaded model in one library; used from one thread."""

    context_tokens: int
    """Prompt and answer together."""
    prefix: Prefix
    """Stands for an empty context."""
    ends: frozenset[int]
    """Tokens that end an answer."""
    has_chat_template: bool

    def encode(self, text: str, *, add_special: bool | None = None) -> list[int]:
        """Return the tokens of `text`; names of special tokens become those tokens."""
        ...

    def detokenize(self, ids: Sequence[int]) -> str:
        """Return the text of `ids` without special tokens."""
        ...

    def render(self, messages: Sequence[Message]) -> str:
        """Apply the chat template, with the start of the assistant's turn.

        Raises:
            TemplateError: the template refuses the messages.
        """
        ...

    def special_token(self, text: str) -> int | None:
        """Return the id if `text` is exactly one special token."""
        ...

    def generate(
        self, rows: Sequence[Row], signal: StopSignal
    ) -> Iterator[tuple[int, Row]]:
        """Bring every row to its end; yield each with its index when it is there."""
        ...

    def score(
        self, sequences: Sequence[Scored], signal: StopSignal
    ) -> Iterator[Finding]:
        """Yield what is found about each sequence as soon as it is known."""
        ...

    def measure(self) -> dict[str, str]:
        """Return facts about model and machine by name; takes up to 0.3 s."""
        ...

    def close(self) -> None:
        """Release the weights."""
        ...


class LocalModel:
    """A `Model` on this machine: one batch at a time, in a thread of its own."""

    concurrency = 1

    def __init__(
        self,
        spec: ModelSpec,
        backend: Backend,
        worker: LocalWorker,
        *,
        batch_size: int = 1,
        truncate: str = "auto",
        digest: str = "",
    ) -> None:
        self.spec = spec
        self.digest = digest
        self.batch_size = batch_size
        self._backend = backend
        self._worker = worker
        self._truncate = truncate
        self._memory = ScoreMemory()
        self._is_closed = False
        self._computed_s = 0.0
        self._measure_at_s = _REAL_WORK_S
        self.facts: dict[str, str] = {}
        """What the model knows of itself, as `dtype`, and once it has done real work
        `layer_flop` per token and the `matrix_flops` that this machine gives."""

    async def run(self, requests: Sequence[Request]) -> Sequence[Completion]:
        """Answer every request, in order.

        Raises:
            ContextOverflow: a request is longer than the context.
            DataError: a continuation or a text to score is empty.
            ProviderError: the chat template refuses the messages.
            Unsupported: messages for a model without chat template.
        """
        answered: dict[int, Completion] = {}
        await self.run_each(requests, answered.__setitem__)
        return [answered[index] for index in range(len(requests))]

    async def run_each(self, requests: Sequence[Request], deliver: Deliver) -> None:
        """Answer every request; deliver each answer when it is known.

        Raises:
            LlmlabError: as `run`; what was delivered before stays valid.
        """
        loop = asyncio.get_running_loop()

        def hand_over(index: int, completion: Completion) -> None:
            loop.call_soon_threadsafe(deliver, index, completion)

        # Now: the thread of the worker knows nothing of who listens here.
        heard = [
            None if listener is None else _OnLoop(loop, listener)
            for listener in listeners_here(len(requests))
        ]
        try:
            await self._worker.run(
                lambda signal: self._answer(requests, heard, signal, hand_over)
            )
        except (Interrupted, RuntimeError) as error:
            # RuntimeError is what torch raises for memory and a closed thread, too.
            reason = str(error) or "the model was closed meanwhile"
            raise ProviderError(
                f"{self.spec.alias!r} could not answer {len(requests)} requests: "
                f"{shorten(reason, 300)}",
                fix="Lower batch_size or the length of the prompts if memory ran out.",
            ) from error

    def close(self) -> None:
        """Stop the thread and release the weights; calling it again does nothing."""
        self._worker.close()
        if not self._is_closed:
            self._is_closed = True
            self._backend.close()

    def _answer(
        self,
        requests: Sequence[Request],
        heard: Sequence[Listener | None],
        signal: StopSignal,
        deliver: Deliver,
    ) -> None:
        rows: dict[int, Row] = {}
        parts: list[_Part] = []
        for index, request in enumerate(requests):
            if isinstance(request, GenerateRequest):
                rows[index] = self._row(request, heard[index])
            else:
                is_whole_text = isinstance(request, RollingRequest)
                parts.append(_Part(index, self._sequences(request), is_whole_text))
        if rows:
            numbers = list(rows)
            for place, row in self._backend.generate(list(rows.values()), signal):
                deliver(numbers[place], self._completion(row))
        if parts:
            self._score(parts, signal, deliver)
        if self._computed_s > self._measure_at_s:
            self._measure_at_s = _AGAIN_AFTER * self._computed_s
            found = self._backend.measure()
            better = max(
                self.facts, found, key=lambda facts: float(facts.get(MATRIX_FLOPS, 0.0))
            )
            self.facts = {**self.facts, **better}

    def _row(self, request: GenerateRequest, listener: Listener | None) -> Row:
        prompt = self._prompt_ids(request.prompt)
        if self._truncate == "left":
            prompt = self._truncated(prompt, request.config)
        decoding = resolve_decoding(
            request.config,
            self.spec,
            input_tokens=len(prompt),
            context_tokens=self._backend.context_tokens,
        )
        special = (self._backend.special_token(stop) for stop in decoding.stop)
        ends = self._backend.ends | {token for token in special if token is not None}
        detokenize = self._backend.detokenize
        pieces = (
            None if listener is None else Pieces(listener, detokenize, decoding.stop)
        )
        return Row(prompt=prompt, decoding=decoding, ends=ends, pieces=pieces)

    def _prompt_ids(self, prompt: str | tuple[Message, ...]) -> list[int]:
        if isinstance(prompt, str):
            return self._backend.encode(prompt) or [self._backend.prefix.id]
        # The template has written every special token itself.
        return self._backend.encode(self._rendered(prompt), add_special=False)

    def _rendered(self, messages: tuple[Message, ...]) -> str:
        """Apply the chat template, or raise what keeps it from being applied."""
        if not self._backend.has_chat_template:
            msg = f"{self.spec.alias!r} got messages but has no chat template."
            fix = "Send a plain string, or choose an instruction-tuned model."
            raise Unsupported(msg, fix=fix)
        try:
            return self._backend.render(messages)
        except TemplateError as error:
            roles = ", ".join(turn.role for turn in messages)
            raise ProviderError(
                f"The chat template of {self.spec.alias!r} refuses messages with the "
                f"roles {roles}: {error}.",
                fix="Order the messages as this model expects them.",
            ) from error

    def _truncated(self, prompt: list[int], config: GenerateConfig) -> list[int]:
        """Drop tokens from the left, as lm-eval does, until the answer fits."""
        asked = resolve_decoding(config, self.spec).max_tokens
        room = self._backend.context_tokens - asked
        if room < 1:
            raise self._overflow(len(prompt), asked)
        if len(prompt) > room:
            lost = len(prompt) - room
            _LOG.warning("%s: a prompt lost its first %d tokens", self.spec.alias, lost)
        return prompt[-room:]

    def _completion(self, row: Row) -> Completion:
        usage = Usage(
            input_tokens=len(row.prompt),
            output_tokens=len(row.tokens),
            cached_input_tokens=max(0, len(row.prompt) - row.read_tokens),
        )
        self._computed_s += row.compute_s
        return Completion(
            text=row.text,
            model=self.spec.alias,
            usage=usage,
            stop_reason=row.stop_reason or "unknown",
            latency_s=row.compute_s,
            ttft_s=row.ttft_s if row.decoding.stream else None,
            cost_usd=local_cost_usd(self.spec, usage),
            price=own_price(self.spec),
            compute_s=row.compute_s,
            token_logprobs=row.token_logprobs(self._backend.detokenize),
        )

    def _score(
        self, parts: Sequence["_Part"], signal: StopSignal, deliver: Deliver
    ) -> None:
        """Score the sequences of all requests together, so that they share work."""
        owners: list[tuple[_Part, int]] = []
        for part in parts:
            for place, sequence in enumerate(part.sequences):
                known = self._memory.recall(sequence)
                if known is None:
                    owners.append((part, place))
                else:
                    part.findings[place] = Finding(place, known, 0, 0.0)
            self._deliver_if_whole(part, deliver)
        sequences = [part.sequences[place] for part, place in owners]
        if not sequences:
            return
        for finding in self._backend.score(sequences, signal):
            part, place = owners[finding.sequence]
            part.findings[place] = finding
            self._memory.keep(part.sequences[place], finding.logprob)
            self._deliver_if_whole(part, deliver)

    def _deliver_if_whole(self, part: "_Part", deliver: Deliver) -> None:
        if len(part.findings) == len(part.sequences):
            deliver(part.index, self._scored(part))

    def _scored(self, part: "_Part") -> Completion:
        findings = [part.findings[place] for place in sorted(part.findings)]
        logprobs = [finding.logprob for finding in findings]
        asked = count_tokens(part.sequences)
        read = sum(finding.tokens_read for finding in findings)
        usage = Usage(input_tokens=asked, cached_input_tokens=max(0, asked - read))
        elapsed_s = sum(finding.compute_s for finding in findings)
        self._computed_s += elapsed_s
        return Completion(
            text="",
            model=self.spec.alias,
            continuations=tuple([joined(logprobs)] if part.is_whole_text else logprobs),
            usage=usage,
            latency_s=elapsed_s,
            cost_usd=local_cost_usd(self.spec, usage),
            price=own_price(self.spec),
            compute_s=elapsed_s,
        )

    def _sequences(
        self, request: LoglikelihoodRequest | RollingRequest
    ) -> list[Scored]:
        limit = self._backend.context_tokens
        if isinstance(request, RollingRequest):
            encode, prefix = self._backend.encode, self._backend.prefix
            return rolling_windows(request.text, encode, prefix, context_tokens=limit)
        sequences = []
        for pair in request.continuations:
            given = pair.context
            context, target = encode_continuation(
                given if isinstance(given, str) else self._rendered(given),
                pair.text,
                self._backend.encode,
                self._backend.prefix,
            )
            excess = len(context) + len(target) - 1 - limit
            if excess > 0 and self._truncate == "error":
                raise self._overflow(len(context) + len(target) - 1, 0)
            if excess > 0:
                _LOG.warning("%s: a context lost %d tokens", self.spec.alias, excess)
            sequences.append(scored_sequence(context, target, context_tokens=limit))
        return sequences

    def _overflow(self, input_tokens: int, max_tokens: int) -> ContextOverflow:
        return overflow(
            self.spec,
            input_tokens=input_tokens,
            max_tokens=max_tokens,
            context_tokens=self._backend.context_tokens,
        )


class _OnLoop:
    """A listener, called from the worker's thread and heard on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, listener: Listener) -> None:
        self._loop = loop
        self._listener = listener

    def begin(self) -> None:
        """Pass on that the text starts anew."""
        self._loop.call_soon_threadsafe(self._listener.begin)

    def add(self, text: str) -> None:
        """Pass on a piece."""
        self._loop.call_soon_threadsafe(self._listener.add, text)


@dataclass(slots=True)
class _Part:
    """A log-likelihood request while its sequences are scored."""

    index: int
    sequences: Sequence[Scored]
    is_whole_text: bool
    """Whether the sequences are windows of one text, not continuations."""
    findings: dict[int, Finding] = field(default_factory=dict)
