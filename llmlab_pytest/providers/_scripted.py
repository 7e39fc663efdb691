"""Models that answer from a script: public test doubles, offline and deterministic.

They follow the `Model` protocol as a real provider does (capabilities are checked,
`stop` and `max_tokens` are honoured, usage is counted), so that a test of an
evaluation exercises everything but the weights. They leave out tokenisation: a token
is a whitespace-separated word.
"""

import asyncio
import json
import math
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from llmlab_pytest.core import (
    CAPABILITIES,
    Completion,
    Continuation,
    ContinuationLogprob,
    GenerateConfig,
    GenerateRequest,
    Listener,
    LoglikelihoodRequest,
    MalformedReply,
    Message,
    ModelSpec,
    Request,
    RollingRequest,
    StopReason,
    TokenLogprob,
    ToolCall,
    Usage,
    digest_of,
    listeners_here,
    shorten,
)
from llmlab_pytest.providers._price import local_cost_usd, own_price
from llmlab_pytest.providers._requests import filled, require_for

Reply = str | ToolCall | tuple[ToolCall, ...] | BaseException
"""What to answer: a text or calls of tools; or an error to raise."""

_BYTE_NATS = math.log(256)
_GREEDY_ABOVE = -math.log(2)
_WORD = re.compile(r"\S+")
_PIECE = re.compile(r"\s*\S+\s*\Z|\s*\S+|\s+\Z")
"""A word with the white space before it; the last one also with that behind it."""


def echo(request: GenerateRequest) -> str:
    """Answer with the prompt, or with the last user message of a conversation."""
    if isinstance(request.prompt, str):
        return request.prompt
    said = [turn.text for turn in request.prompt if turn.role == "user"]
    return said[-1] if said else ""


def scripted_spec(alias: str) -> ModelSpec:
    """Return the spec of a double: every capability declared."""
    return ModelSpec(
        alias=alias,
        provider="scripted",
        id=alias,
        capabilities=frozenset(CAPABILITIES),
        source="a test double",
    )


class ScriptedModel:
    """A model whose answers are written beforehand.

    A request is answered by the first rule whose pattern is found in the prompt (of
    a conversation: in the last user message); else by the next reply of the queue;
    else by `fallback`; else it is a `MalformedReply`.

    A continuation's log-likelihood comes from the first pattern of `loglikelihoods`
    found in context and text together; else from a uniform byte model: each UTF-8
    byte of the text costs ln 256. `is_greedy` is claimed where it is certain: at a
    probability above one half.

    A listener hears an answer word by word.

    `requests` records what was asked, in the order of the calls. Every completion
    costs 0 dollars and reports exactly `latency_s`. Safe to use from many threads.

    Args:
        replies: answers that are used up one by one: texts, calls of tools, or errors.
        rules: regular expression -> answer, tried in order.
        loglikelihoods: regular expression -> sum of natural-log probabilities, ≤ 0.
        fallback: makes an answer when nothing else does, e.g. `echo`.
        latency_s: how long each call takes, seconds, ≥ 0.
        spec: alias and capabilities, if they matter; by default all are declared.
    """

    concurrency = 16
    batch_size = 1

    def __init__(
        self,
        replies: Iterable[Reply] = (),
        *,
        rules: Mapping[str, Reply] | None = None,
        loglikelihoods: Mapping[str, float] | None = None,
        fallback: Callable[[GenerateRequest], str] | None = None,
        latency_s: float = 0.0,
        spec: ModelSpec | None = None,
    ) -> None:
        self.spec = spec or scripted_spec("scripted")
        self.requests: list[Request] = []
        self.is_closed = False
        self._queue = deque(replies)
        self._rules = [(re.compile(p), reply) for p, reply in (rules or {}).items()]
        self._loglikelihoods = [
            (re.compile(p), value) for p, value in (loglikelihoods or {}).items()
        ]
        self._fallback = fallback
        self._latency_s = latency_s
        self._lock = threading.Lock()
        self.digest = digest_of(
            [
                "scripted",
                list(map(repr, self._queue)),
                {pattern: repr(reply) for pattern, reply in (rules or {}).items()},
                dict(loglikelihoods or {}),
                getattr(fallback, "__qualname__", repr(fallback)) if fallback else None,
            ]
        )

    async def run(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order.

        Raises:
            Unsupported: the spec does not declare what a request needs.
            MalformedReply: the script has no answer.
        """
        for request in requests:
            require_for(self.spec, request)
        with self._lock:
            self.requests.extend(requests)
            completions = [self._answer(request) for request in requests]
        heard = listeners_here(len(requests))
        await asyncio.gather(
            asyncio.sleep(self._latency_s),
            *(
                self._speak(completion.text, listener)
                for completion, listener in zip(completions, heard, strict=True)
                if listener is not None
            ),
        )
        return completions

    def close(self) -> None:
        """Note that the model was closed."""
        self.is_closed = True

    async def _speak(self, text: str, listener: Listener) -> None:
        """Say a text word by word, evenly over the time that a call takes."""
        pieces = _PIECE.findall(text)
        listener.begin()
        for piece in pieces:
            await asyncio.sleep(self._latency_s / len(pieces))
            listener.add(piece)

    def _answer(self, request: Request) -> Completion:
        if isinstance(request, GenerateRequest):
            return self._generate(request)
        pairs = _pairs(request)
        read = sum(_count(_said(pair.context)) + _count(pair.text) for pair in pairs)
        usage = Usage(input_tokens=read)
        return Completion(
            text="",
            model=self.spec.alias,
            continuations=tuple(map(self._score, pairs)),
            usage=usage,
            latency_s=self._latency_s,
            cost_usd=local_cost_usd(self.spec, usage),
            price=own_price(self.spec),
        )

    def _generate(self, request: GenerateRequest) -> Completion:
        config = filled(request.config, self.spec)
        reply = self._reply(request)
        calls = () if isinstance(reply, str) else reply
        text, stop_reason = _cut(reply if isinstance(reply, str) else "", config)
        words = _WORD.findall(text)
        written = len(words) + sum(_count(_written(call)) for call in calls)
        usage = Usage(input_tokens=_prompt_words(request), output_tokens=written)
        return Completion(
            text=text,
            tool_calls=calls,
            model=self.spec.alias,
            usage=usage,
            stop_reason="tool_calls" if calls else stop_reason,
            latency_s=self._latency_s,
            ttft_s=self._latency_s if config.stream else None,
            cost_usd=local_cost_usd(self.spec, usage),
            price=own_price(self.spec),
            token_logprobs=_logprobs(words, config),
        )

    def _reply(self, request: GenerateRequest) -> str | tuple[ToolCall, ...]:
        asked = echo(request)
        for pattern, reply in self._rules:
            if pattern.search(asked):
                return _said_or_raise(reply)
        if self._queue:
            return _said_or_raise(self._queue.popleft())
        if self._fallback:
            return self._fallback(request)
        msg = f"The script of {self.spec.alias!r} has no reply to {shorten(asked)!r}."
        raise MalformedReply(msg, fix="Add a reply, a rule, or fallback=echo.")

    def _score(self, pair: Continuation) -> ContinuationLogprob:
        length = len(pair.text.encode())
        for pattern, value in self._loglikelihoods:
            if pattern.search(_said(pair.context) + pair.text):
                return ContinuationLogprob(value, value > _GREEDY_ABOVE, length)
        value = -_BYTE_NATS * length
        return ContinuationLogprob(value, value > _GREEDY_ABOVE, length)


class FailingModel(ScriptedModel):
    """A model whose every call raises `error`; it records the requests.

    Args:
        error: what to raise, e.g. `RateLimited("slow down")`.
        spec: alias and capabilities, if they matter.
    """

    def __init__(self, error: BaseException, *, spec: ModelSpec | None = None) -> None:
        super().__init__(spec=spec or scripted_spec("failing"))
        self._error = error

    async def run(self, requests: Sequence[Request]) -> list[Completion]:
        """Record the requests and raise the error."""
        self.requests.extend(requests)
        raise self._error


def _said_or_raise(reply: Reply) -> str | tuple[ToolCall, ...]:
    if isinstance(reply, BaseException):
        raise reply
    return (reply,) if isinstance(reply, ToolCall) else reply


def _written(call: ToolCall) -> str:
    """Return a call as a model would write it."""
    return f"{call.name} {json.dumps(call.arguments)}"


def _cut(text: str, config: GenerateConfig) -> tuple[str, StopReason]:
    """Apply `max_tokens` (in words), then end before the first stop string."""
    stop_reason: StopReason = "stop"
    words = list(_WORD.finditer(text))
    if config.max_tokens is not None and len(words) > config.max_tokens:
        text = text[: words[config.max_tokens].start()].rstrip()
        stop_reason = "length"
    stops = [text.find(stop) for stop in config.stop if stop in text]
    return (text[: min(stops)], "stop") if stops else (text, stop_reason)


def _pairs(
    request: LoglikelihoodRequest | RollingRequest,
) -> tuple[Continuation, ...]:
    """Return what is to be scored; a script has no window, a text is one piece."""
    if isinstance(request, RollingRequest):
        return (Continuation("", request.text),)
    return request.continuations


def _prompt_words(request: GenerateRequest) -> int:
    return _count(_said(request.prompt))


def _said(prompt: str | tuple[Message, ...]) -> str:
    """Return raw text, or what all messages say, one a line, up to the answer."""
    if isinstance(prompt, str):
        return prompt
    return "".join(f"{turn.text}\n" for turn in prompt)


def _logprobs(words: Sequence[str], config: GenerateConfig) -> tuple[TokenLogprob, ...]:
    """Return the words' log-probabilities; a script knows no other than its own."""
    if not (config.token_logprobs or config.top_logprobs):
        return ()
    told = [TokenLogprob(word, -_BYTE_NATS * len(word.encode())) for word in words]
    if not config.top_logprobs:
        return tuple(told)
    return tuple(replace(word, top=(word,)) for word in told)


def _count(text: str) -> int:
    return len(_WORD.findall(text))
