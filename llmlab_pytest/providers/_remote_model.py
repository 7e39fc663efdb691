"""Models behind an API: what is the same however the bytes travel."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    GenerateRequest,
    Listener,
    LlmlabError,
    ModelSpec,
    Price,
    Request,
    Unsupported,
    canonical_json,
    digest_of,
    listeners_here,
    value_redactor,
)
from llmlab_pytest.providers._identity import without_credentials
from llmlab_pytest.providers._most_input import most_input_tokens
from llmlab_pytest.providers._price import (
    mapped_worst_usd,
    own_cost_usd,
    own_price,
    own_worst_usd,
    unknown_price,
)
from llmlab_pytest.providers._quoted_keys import hide_in_logs, without_keys
from llmlab_pytest.providers._remote_options import RemoteOptions
from llmlab_pytest.providers._remote_reply import Reply
from llmlab_pytest.providers._remote_request import likely_tokens, protocol_arguments
from llmlab_pytest.providers._remote_retry import RetryPolicy
from llmlab_pytest.providers._remote_server import (
    Breaker,
    Server,
    server_of,
)
from llmlab_pytest.providers._requests import filled, require_for

PayAgain: TypeAlias = Callable[[], Awaitable[None]]
_CLOSE_TIMEOUT_S = 10
_USUAL_TIERS = ("default", "standard")
"""How vendors call the service whose prices have no tier's name."""


class Transport(Protocol):
    """Carries one request to a server, once."""

    base_url: str | None
    """The server that is named instead of the vendor's own."""
    vendor: str
    """litellm's name of the vendor."""
    key: str | None
    """What is sent as the key, if that is known."""

    async def send(
        self,
        arguments: dict[str, Any],
        *,
        stream: bool,
        listener: Listener | None = None,
    ) -> Reply:
        """Send a request of OpenAI's protocol and read the answer.

        Args:
            arguments: `messages` or `prompt`, settings, and the entry's `extra`.
            stream: whether the answer is asked for in parts.
            listener: hears the parts.

        Raises:
            Failed: there is no answer; says whether and when to try again.
        """

    def price_entry(self) -> Mapping[str, object]:
        """Return what litellm's price map says of the model; empty if nothing."""

    def billed(self, reply: Reply, *, tier: str | None) -> tuple[float, Price] | None:
        """Return what a reply cost by litellm's map, and by which rates.

        Args:
            reply: with usage.
            tier: the service tier that was billed.
        """

    async def close(self) -> None:
        """Close the connections."""


class RemoteModel:
    """One remote model.

    A call's `latency_s` is that of the attempt that succeeded; waiting between
    attempts is not in it. `cost_usd` comes from the spec's own prices, else from
    litellm's price map, whatever the `base_url`; it is `None` when neither knows the
    model or the reply has no usage.
    """

    batch_size = 1

    def __init__(
        self, spec: ModelSpec, options: RemoteOptions, transport: Transport
    ) -> None:
        self.spec = spec
        # At least 2: the engine takes a model of 1 for one that fills this machine's
        # memory. The throttle keeps to what is asked for.
        self.concurrency = max(2, options.concurrency)
        self.digest = digest_of(["litellm", spec.id, transport.base_url])
        self._options = options
        self._transport = transport
        self._retry = RetryPolicy()
        self._breaker = Breaker()
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        hide_in_logs()

    async def run(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, all at once.

        Raises:
            ProviderError: a call failed, three times if trying again could help.
            Unsupported: a capability is missing, or the API rejects a setting.
        """
        return await self.run_retrying(requests, None)

    async def run_retrying(
        self, requests: Sequence[Request], pay_again: PayAgain | None
    ) -> list[Completion]:
        """Answer every request, all at once, paying for each attempt.

        Raises what `run` and `pay_again` raise.
        """
        self._loop = asyncio.get_running_loop()
        heard = listeners_here(len(requests))
        if len(requests) == 1:
            return [await self._answer(requests[0], pay_again, heard[0])]
        answers = [
            self._answer(request, pay_again, listener)
            for request, listener in zip(requests, heard, strict=True)
        ]
        return list(await asyncio.gather(*answers))

    def close(self) -> None:
        """Close the connections; waits for it unless called in their event loop."""
        loop, self._loop = self._loop, None
        self._server = None
        if loop is None or loop.is_closed():
            return
        closing = self._transport.close()
        if not loop.is_running():
            loop.run_until_complete(closing)
        elif loop is _running_loop():
            self._closing = loop.create_task(closing)
        else:
            asyncio.run_coroutine_threadsafe(closing, loop).result(_CLOSE_TIMEOUT_S)

    def worst_cost_usd(self, request: Request) -> float:
        """Return the most that one attempt of a call can cost, US dollars.

        Raises:
            ConfigError: the price is unknown, or the answer has no longest length.
        """
        extra = self._options.extra or {}
        output_tokens = _most_output_tokens(self.spec, self._options, request)
        input_tokens = most_input_tokens(request) + len(canonical_json(dict(extra)))
        if price := own_price(self.spec):
            return own_worst_usd(
                price, input_tokens=input_tokens, output_tokens=output_tokens
            )
        worst_usd = mapped_worst_usd(
            self._transport.price_entry(),
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            tier=self._asked_tier(),
        )
        if worst_usd is None:
            raise unknown_price(self.spec)
        return worst_usd

    async def _answer(
        self,
        request: Request,
        pay_again: PayAgain | None,
        listener: Listener | None,
    ) -> Completion:
        require_for(self.spec, request)
        if not isinstance(request, GenerateRequest):
            msg = f"{self.spec.alias!r} declares 'loglikelihood'."
            raise Unsupported(msg, allowed="No API behind litellm offers it.")
        config = filled(request.config, self.spec)
        if config.stream and isinstance(request.prompt, str):
            msg = f"{self.spec.alias!r} was asked to stream a raw prompt."
            raise Unsupported(msg, fix="Send messages, or leave stream out.")
        arguments = protocol_arguments(request, config, self.spec, self._options)
        reply, attempts = await self._reply(
            arguments, pay_again, stream=config.stream, listener=listener
        )
        return self._completion(without_keys(reply, self._hide), attempts)

    @cached_property
    def _hide(self) -> Callable[[str], str]:
        """Hides what is known at the first answer, when the keys were sent."""
        return value_redactor()

    async def _reply(
        self,
        arguments: dict[str, Any],
        pay_again: PayAgain | None,
        *,
        stream: bool,
        listener: Listener | None,
    ) -> tuple[Reply, int]:
        """Send a request, again if need be; return the reply and the attempt's number.

        Raises:
            LlmlabError: the last attempt failed, or the server is down.
        """
        server = self._server_here()
        is_counted = self._options.tokens_per_minute is not None
        tokens = likely_tokens(arguments) if is_counted else 0

        async def attempt() -> Reply:
            async with server.throttle.turn(tokens) as turn:
                # Now, since others may have failed while this one waited its turn.
                self._breaker.check(f"{self.spec.alias!r} at {server.name}")
                if listener is not None:
                    listener.begin()
                reply = await self._transport.send(
                    arguments, stream=stream, listener=listener
                )
                turn.pause_s = reply.pause_s
                if reply.has_usage:
                    usage = reply.usage
                    turn.used_tokens = usage.input_tokens + usage.output_tokens
            return reply

        try:
            answered = await self._retry.run(attempt, pay_again)
        except LlmlabError as error:
            self._breaker.failed(error)
            raise
        self._breaker.answered()
        return answered

    def _server_here(self) -> Server:
        if self._server is None:
            transport = self._transport
            self._server = server_of(
                without_credentials(transport.base_url or transport.vendor),
                f"{transport.key} {transport.base_url}",
                self._options,
                loop=self._loop,
            )
        return self._server

    def _completion(self, reply: Reply, attempts: int) -> Completion:
        cost_usd, price = self._cost(reply)
        return Completion(
            text=reply.text,
            model=self.spec.alias,
            usage=reply.usage,
            stop_reason=reply.stop_reason,
            latency_s=reply.latency_s,
            ttft_s=reply.ttft_s,
            cost_usd=cost_usd,
            price=price,
            token_logprobs=reply.token_logprobs,
            tool_calls=reply.tool_calls,
            attempts=attempts,
        )

    def _cost(self, reply: Reply) -> tuple[float | None, Price | None]:
        """Return what a reply cost and by which price; `None` where that is unknown."""
        if not reply.has_usage:
            return None, None
        if price := own_price(self.spec):
            return own_cost_usd(price, reply.usage), price
        tier = self._asked_tier() if reply.tier is None else reply.tier
        if tier in _USUAL_TIERS:
            tier = None
        return self._transport.billed(reply, tier=tier) or (None, None)

    def _asked_tier(self) -> str | None:
        tier = (self._options.extra or {}).get("service_tier")
        return tier if isinstance(tier, str) else None


def _most_output_tokens(
    spec: ModelSpec, options: RemoteOptions, request: Request
) -> int:
    """Return how many tokens an answer can have at most, reasoning included.

    Raises:
        ConfigError: nothing that is sent limits it.
    """
    if not isinstance(request, GenerateRequest):
        return 0
    extra = options.extra or {}
    sent = None if "max_tokens" in options.omit else request.config.max_tokens
    stated = [sent, extra.get("max_completion_tokens"), extra.get("max_tokens")]
    limits = [limit for limit in stated if isinstance(limit, int)]
    if not limits:
        raise ConfigError(
            f"{spec.alias!r} ({spec.source}) may answer at any length, so its worst "
            "cost is not known.",
            fix="State max_tokens in its defaults, or max_completion_tokens in the "
            "'extra' of its options.",
        )
    return max(limits)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
