"""Models behind an API, through litellm: one protocol for a hundred vendors.

A heavy leaf: importing it takes seconds, so it is only loaded by address. litellm's
own retries, callbacks and prints are off. What is left out: embeddings, tools,
log-likelihoods (no vendor's API gives those of a prompt).
"""

import asyncio
import logging
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any
from weakref import WeakSet

from openai import AsyncOpenAI, OpenAIError

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    GenerateConfig,
    GenerateRequest,
    ModelSpec,
    Price,
    Request,
    Unsupported,
    canonical_json,
    digest_of,
    redact,
)
from llmlab_pytest.providers._price import (
    mapped_price,
    mapped_worst_usd,
    most_input_tokens,
    own_cost_usd,
    own_price,
    own_worst_usd,
    unknown_price,
)
from llmlab_pytest.providers._remote_errors import retry_after_s, translate
from llmlab_pytest.providers._remote_options import (
    RemoteOptions,
    openai_base_url,
    openai_key,
)
from llmlab_pytest.providers._remote_reply import (
    Reply,
    Wire,
    read_reply,
    read_stream,
)
from llmlab_pytest.providers._remote_retry import Failed, RetryPolicy
from llmlab_pytest.providers._requests import filled, require_for

# Read by litellm while it is imported; without them it fetches its price map and
# header table from the network, and reads .env files of the folders above it.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
os.environ.setdefault("LITELLM_MODE", "PRODUCTION")

import litellm
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from litellm.types import utils as types

litellm.suppress_debug_info = True
litellm.telemetry = False
for _name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
    logging.getLogger(_name).handlers.clear()
# pydantic builds these when first used, and then warns about litellm's own types; a
# call would fail under `-W error`, and the first one would look slow.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)
    for _type in ("Delta", "Message", "ModelResponse", "ModelResponseStream"):
        getattr(types, _type).model_rebuild()

_MAP = f"litellm {metadata.version('litellm')}"
_RAW_PROMPT_PROVIDERS = ("openai", "text-completion-openai")
_CLOSE_TIMEOUT_S = 10
_open_models: "WeakSet[LiteLLM]" = WeakSet()
"""litellm shares its HTTP clients; the last model to be closed closes them."""


class LiteLLM:
    """One remote model.

    A call's `latency_s` is that of the attempt that succeeded; waiting between
    attempts is not in it. `cost_usd` comes from the spec's own prices, else from
    litellm's price map, whatever the `base_url`; it is `None` when neither knows the
    model or the reply has no usage.

    Raises:
        ConfigError: an option is wrong, or litellm knows no such vendor.
    """

    batch_size = 1

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self._options = RemoteOptions.from_spec(spec)
        self.concurrency = self._options.concurrency
        self._name, self._vendor = _vendor_of(spec, self._options)
        is_openai = self._vendor in _RAW_PROMPT_PROVIDERS
        self._key = openai_key(self._options) if is_openai else self._options.api_key()
        self._base_url = self._options.base_url or (
            openai_base_url() if is_openai else None
        )
        self.digest = digest_of(["litellm", spec.id, self._base_url])
        self._retry = RetryPolicy()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._raw_client: AsyncOpenAI | None = None
        _open_models.add(self)

    async def run(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, all at once.

        Raises:
            ProviderError: a call failed, three times if trying again could help.
            Unsupported: a capability is missing, or the API rejects a setting.
        """
        self._loop = asyncio.get_running_loop()
        return list(await asyncio.gather(*map(self._answer, requests)))

    def close(self) -> None:
        """Close the connections; waits for it unless called in their event loop."""
        _open_models.discard(self)
        loop, self._loop = self._loop, None
        if loop is None or loop.is_closed():
            return
        closing = self._close(everything=not _open_models)
        if not loop.is_running():
            loop.run_until_complete(closing)
        elif loop is _running_loop():
            self._closing = loop.create_task(closing)
        else:
            asyncio.run_coroutine_threadsafe(closing, loop).result(_CLOSE_TIMEOUT_S)

    async def _close(self, *, everything: bool) -> None:
        if self._raw_client is not None:
            await self._raw_client.close()
            self._raw_client = None
        if everything:
            await litellm.close_litellm_async_clients()
            litellm.in_memory_llm_clients_cache.flush_cache()
            await GLOBAL_LOGGING_WORKER.stop()

    async def _answer(self, request: Request) -> Completion:
        require_for(self.spec, request)
        if not isinstance(request, GenerateRequest):
            msg = f"{self.spec.alias!r} declares 'loglikelihood'."
            raise Unsupported(msg, allowed="No API behind litellm offers it.")
        config = filled(request.config, self.spec)
        if config.stream and isinstance(request.prompt, str):
            msg = f"{self.spec.alias!r} was asked to stream a raw prompt."
            raise Unsupported(msg, fix="Send messages, or leave stream out.")
        arguments = self._arguments(request, config)
        reply, attempts = await self._retry.run(
            lambda: self._attempt(arguments, config)
        )
        return self._completion(reply, attempts)

    def _arguments(
        self, request: GenerateRequest, config: GenerateConfig
    ) -> dict[str, Any]:
        options = self._options
        settings: dict[str, Any] = {
            "max_tokens": config.max_tokens,
            "temperature": config.temperature,
            "top_p": config.top_p,
            "seed": config.seed if "seed" in self.spec.capabilities else None,
            "stop": list(config.stop) or None,
        }
        arguments = {
            name: value
            for name, value in settings.items()
            if value is not None and name not in options.omit
        }
        if isinstance(request.prompt, str):
            arguments["prompt"] = request.prompt
            arguments["logprobs"] = 0 if config.token_logprobs else None
        else:
            arguments["messages"] = [
                {"role": turn.role, "content": turn.content} for turn in request.prompt
            ]
            arguments["logprobs"] = True if config.token_logprobs else None
        return {**arguments, **(options.extra or {})}

    async def _attempt(
        self, arguments: dict[str, Any], config: GenerateConfig
    ) -> Reply:
        _ignore_deprecations_inside_litellm()
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._options.timeout_s):
                raw = await self._call(arguments, stream=config.stream)
                if config.stream:
                    return await read_stream(raw, spec=self.spec, started=started)
            return read_reply(raw, spec=self.spec, started=started)
        except (OpenAIError, TimeoutError) as error:
            failure = translate(
                error,
                spec=self.spec,
                key_names=self._key_names(),
                secret=self._key or "",
            )
            wait_s = retry_after_s(error)
        raise Failed(failure, wait_s)

    async def _call(self, arguments: dict[str, Any], *, stream: bool) -> Wire:
        common: dict[str, Any] = {
            "api_key": self._key,
            "api_base": self._base_url,
            "timeout": self._options.timeout_s,
            "num_retries": 0,
            "max_retries": 0,
        }
        if "prompt" in arguments:
            # Under the name `openai/…` litellm would turn the prompt of a model that
            # it knows into a chat message.
            model = f"text-completion-openai/{self._name}"
            client = self._client_for_raw_prompts()
            return await litellm.atext_completion(
                model=model, client=client, **arguments, **common
            )
        if stream:
            common |= {"stream": True, "stream_options": {"include_usage": True}}
        return await litellm.acompletion(model=self.spec.id, **arguments, **common)

    def _client_for_raw_prompts(self) -> AsyncOpenAI:
        """Return a client of our own: litellm opens one per call and closes none."""
        if self._raw_client is None:
            self._raw_client = AsyncOpenAI(
                api_key=self._key,
                base_url=self._base_url,
                timeout=self._options.timeout_s,
                max_retries=0,
            )
        return self._raw_client

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
            attempts=attempts,
        )

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
            _map_entry(self.spec.id),
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            tier=_text(extra.get("service_tier")),
        )
        if worst_usd is None:
            raise unknown_price(self.spec)
        return worst_usd

    def _cost(self, reply: Reply) -> tuple[float | None, Price | None]:
        """Return what a reply cost and by which price; `None` where that is unknown."""
        if not reply.has_usage:
            return None, None
        if price := own_price(self.spec):
            return own_cost_usd(price, reply.usage), price
        asked = (self._options.extra or {}).get("service_tier")
        tier = reply.tier or _text(asked)
        cost_usd = _mapped_cost_usd(self.spec.id, reply, tier)
        if cost_usd is None:
            return None, None
        entry = _map_entry(self.spec.id)
        return cost_usd, mapped_price(entry, source=_MAP, tier=tier)

    def _key_names(self) -> str:
        if self._options.api_key_env:
            return self._options.api_key_env
        if self._options.base_url:
            return f"none is sent; name one with 'api_key_env' in {self.spec.source}"
        missing = litellm.validate_environment(self.spec.id)["missing_keys"]
        return ", ".join(missing) or f"{self._vendor.upper()}_API_KEY"


def _vendor_of(spec: ModelSpec, options: RemoteOptions) -> tuple[str, str]:
    """Return the model's name at its vendor, and litellm's name of the vendor."""
    place = spec.source or f"the model {spec.alias!r}"
    try:
        name, vendor, *_ = litellm.get_llm_provider(spec.id, api_base=options.base_url)
    except OpenAIError as error:
        msg = f"{place}: litellm knows no vendor for {spec.id!r}."
        raise ConfigError(
            redact(msg),
            allowed="An id is a name that litellm knows, or vendor/name.",
            fix="For a server that speaks OpenAI's protocol write openai/NAME.",
        ) from error
    if "completion" in spec.capabilities and vendor not in _RAW_PROMPT_PROVIDERS:
        msg = f"{place}: {spec.alias!r} declares 'completion' at the vendor {vendor!r}."
        raise ConfigError(
            msg,
            allowed="Raw prompts go to servers that speak OpenAI's protocol only.",
            fix="Write the id as openai/NAME with a base_url, or leave it out.",
        )
    return name, vendor


def _mapped_cost_usd(model_id: str, reply: Reply, tier: str | None) -> float | None:
    """Ask litellm's price map; a price that it does not state is unknown, not 0."""
    try:
        parts_usd = litellm.cost_per_token(
            model_id, usage_object=reply.raw_usage, service_tier=tier
        )
    except (litellm.ModelNotMappedError, OpenAIError, ValueError, KeyError):
        return None
    cost_usd: float = sum(parts_usd)
    entry = _map_entry(model_id)
    is_stated = cost_usd > 0 or any("cost_per" in key for key in entry)
    return cost_usd if is_stated else None


def _map_entry(model_id: str) -> Mapping[str, object]:
    """Return what litellm's map says of a model; empty if it does not know it."""
    try:
        key = litellm.get_model_info(model_id)["key"]
        entry: Mapping[str, object] = litellm.model_cost[key]
    except (litellm.ModelNotMappedError, OpenAIError, ValueError, KeyError):
        return {}
    return entry


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


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _ignore_deprecations_inside_litellm() -> None:
    """Keep `-W error` from turning litellm's own use of pydantic into a failed call.

    Set for each call, since pytest restores the filters after every test. Not by
    `catch_warnings`, which is not safe in a thread beside pytest's own.
    """
    module = r"litellm(\.|$)"
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=module)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
