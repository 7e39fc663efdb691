"""What comes back from litellm, whole or streamed, read into plain values."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias

from llmlab_pytest.core import (
    Listener,
    MalformedReply,
    ModelSpec,
    ProviderUnavailable,
    StopReason,
    TokenLogprob,
    ToolCall,
    Usage,
    redact,
    shorten,
)
from llmlab_pytest.providers._gemini_stream import Ending
from llmlab_pytest.providers._remote_retry import Failed
from llmlab_pytest.providers._remote_tools import CallParts, read_tool_calls

Wire: TypeAlias = Any
"""An object of litellm: untyped, and read with care here only."""

_STOP_REASONS: dict[str, StopReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer."""

    text: str
    stop_reason: StopReason
    usage: Usage
    has_usage: bool
    """Whether the provider reported usage; litellm's own estimates do not count."""
    latency_s: float
    raw_usage: Wire
    """litellm's counts, for its price map."""
    tier: str | None = None
    """The service tier that the provider says it billed."""
    ttft_s: float | None = None
    token_logprobs: tuple[TokenLogprob, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    pause_s: float | None = None
    """Until a limit of which this answer used the rest is full again, if told."""


def read_reply(raw: Wire, *, spec: ModelSpec, started: float) -> Reply:
    """Read a whole reply of either endpoint.

    Raises:
        Failed: with `MalformedReply`, when there is no choice in it, or its text or
            a call is none.
    """
    latency_s = time.perf_counter() - started
    choices = getattr(raw, "choices", None)
    if not choices:
        raise malformed(spec, f"a reply without choices: {shorten(redact(repr(raw)))}")
    choice = choices[0]
    message = getattr(choice, "message", None)
    text = choice.text if message is None else getattr(message, "content", None)
    if not isinstance(text, str | None):
        raise malformed(spec, f"a text of the type {type(text).__name__!r}")
    calls = _calls(lambda: read_tool_calls(message), spec)
    usage = getattr(raw, "usage", None)
    return Reply(
        text=text or "",
        stop_reason=_STOP_REASONS.get(_finish(choice), "unknown"),
        usage=read_usage(usage),
        has_usage=_is_reported(usage),
        latency_s=latency_s,
        raw_usage=usage,
        tier=_tier(raw),
        token_logprobs=_logprobs(choice),
        tool_calls=calls,
    )


class Parts:
    """A streamed reply as it arrives.

    Args:
        spec: the model.
        started: when the attempt began, on `time.perf_counter`'s clock.
        listener: hears each text as it arrives.
    """

    def __init__(
        self, *, spec: ModelSpec, started: float, listener: Listener | None = None
    ) -> None:
        self._spec = spec
        self._started = started
        self._listener = listener
        self._texts: list[str] = []
        self._logprobs: tuple[TokenLogprob, ...] = ()
        self._calls = CallParts()
        self._usage: Wire = None
        self._tier: str | None = None
        self.ttft_s: float | None = None
        self.finish: str | None = None

    def add(self, chunk: Wire) -> None:
        """Read one event; the first text or call sets `ttft_s`."""
        self._usage = getattr(chunk, "usage", None) or self._usage
        self._tier = _tier(chunk) or self._tier
        for choice in (getattr(chunk, "choices", None) or ())[:1]:
            self.finish = _finish(choice) or self.finish
            self._logprobs += _logprobs(choice)
            delta = getattr(choice, "delta", None)
            text = getattr(delta, "content", None)
            calls = getattr(delta, "tool_calls", None) or ()
            if self.ttft_s is None and (text or calls):
                self.ttft_s = time.perf_counter() - self._started
            if text:
                self._texts.append(text)
                if self._listener is not None:
                    self._listener.add(text)
            for call in calls:
                self._calls.add(call)

    def reply(self, *, has_usage: bool | None = None) -> Reply:
        """Return the whole, at the end of the stream.

        Args:
            has_usage: whether the counts are the provider's, where that is not seen
                from them.

        Raises:
            Failed: with `MalformedReply`, when a call has no name.
        """
        if has_usage is None:
            has_usage = _is_reported(self._usage)
        return Reply(
            text="".join(self._texts),
            stop_reason=_STOP_REASONS.get(self.finish or "", "unknown"),
            usage=read_usage(self._usage) if has_usage else Usage(),
            has_usage=has_usage,
            latency_s=time.perf_counter() - self._started,
            raw_usage=self._usage,
            tier=self._tier,
            ttft_s=self.ttft_s,
            token_logprobs=self._logprobs,
            tool_calls=_calls(self._calls.calls, self._spec),
        )

    def broken_off(self) -> Failed:
        """Return the error of a stream that ended before its end."""
        spec, count = self._spec, len(self._texts)
        msg = f"{spec.alias!r} ({spec.id}) broke off its stream after {count} parts."
        return Failed(ProviderUnavailable(msg, fix="Try again."), None)


async def read_stream(
    stream: Wire,
    *,
    spec: ModelSpec,
    started: float,
    listener: Listener | None = None,
) -> Reply:
    """Read a streamed reply of litellm to its end; the first text sets `ttft_s`.

    Raises:
        Failed: with `MalformedReply`, when the server sent no event; with
            `ProviderUnavailable`, when the stream broke off before its end.
    """
    parts = Parts(spec=spec, started=started, listener=listener)
    ending = Ending(stream)
    async with aclosing(stream):
        async for chunk in stream:
            parts.add(chunk)
    # litellm invents a last chunk that says "stop", and estimates usage; `chunks` and
    # `received_finish_reason` are what was sent.
    if not stream.chunks:
        raise malformed(spec, "a stream without events")
    finish = stream.received_finish_reason or stream.intermittent_finish_reason
    if ending.is_missing or not finish:
        raise parts.broken_off()
    reported = [getattr(chunk, "usage", None) for chunk in stream.chunks]
    return parts.reply(has_usage=any(map(_is_reported, reported)))


def read_usage(usage: Wire) -> Usage:
    """Read token counts; what a provider does not report is 0."""
    read = getattr(usage, "prompt_tokens_details", None)
    written = getattr(usage, "completion_tokens_details", None)
    return Usage(
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        cached_input_tokens=_count(read, "cached_tokens"),
        reasoning_tokens=_count(written, "reasoning_tokens"),
        input_audio_tokens=_count(read, "audio_tokens"),
        output_audio_tokens=_count(written, "audio_tokens"),
    )


def _calls(
    read: Callable[[], tuple[ToolCall, ...]], spec: ModelSpec
) -> tuple[ToolCall, ...]:
    try:
        return read()
    except TypeError as error:
        told = f"tool calls that cannot be read: {error}"
    raise malformed(spec, told)


def _count(counts: object, name: str) -> int:
    count = getattr(counts, name, None)
    return count if isinstance(count, int) else 0


def _tier(raw: Wire) -> str | None:
    """Return the tier that a reply names."""
    tier = getattr(raw, "service_tier", None)
    return None if tier is None else str(tier)


def _finish(choice: Wire) -> str:
    """Return why an answer ended; servers may leave out what is not said."""
    return getattr(choice, "finish_reason", None) or ""


def _is_reported(usage: object) -> bool:
    """Whether the counts are the provider's: litellm fills a gap with zeros."""
    return bool(_count(usage, "prompt_tokens") or _count(usage, "completion_tokens"))


def _logprobs(choice: Wire) -> tuple[TokenLogprob, ...]:
    logprobs = getattr(choice, "logprobs", None)
    content = getattr(logprobs, "content", None)
    if content:
        return tuple(
            TokenLogprob(item.token, item.logprob, _top(item)) for item in content
        )
    tokens = getattr(logprobs, "tokens", None) or ()
    values = getattr(logprobs, "token_logprobs", None) or ()
    tops = getattr(logprobs, "top_logprobs", None) or [{}] * len(tokens)
    return tuple(
        TokenLogprob(token, value, _likeliest_first(_fields(top).items()))
        for token, value, top in zip(tokens, values, tops, strict=False)
    )


def _top(item: Wire) -> tuple[TokenLogprob, ...]:
    """Return the alternatives at a token's place; servers may leave them out."""
    found = getattr(item, "top_logprobs", None) or ()
    return _likeliest_first((other.token, other.logprob) for other in found)


def _fields(top: Wire) -> Mapping[str, float]:
    """Return the alternatives of the older protocol: log-probability by token."""
    return top if isinstance(top, Mapping) else vars(top) if top else {}


def _likeliest_first(pairs: Iterable[tuple[str, float]]) -> tuple[TokenLogprob, ...]:
    found = (TokenLogprob(token, logprob) for token, logprob in pairs)
    return tuple(sorted(found, key=lambda other: -other.logprob))


def malformed(spec: ModelSpec, what: str) -> Failed:
    """Return the error of a reply that does not follow the protocol."""
    fix = "Check that the address is that of the API, ending in /v1."
    return Failed(
        MalformedReply(f"{spec.alias!r} ({spec.id}) sent {what}.", fix=fix), None
    )
