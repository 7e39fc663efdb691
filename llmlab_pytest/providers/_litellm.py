"""Models behind an API, through litellm: one protocol for a hundred vendors.

A heavy leaf: importing it takes seconds, so it is only loaded by address. litellm's
own retries, callbacks and prints are off. What is left out: embeddings and
log-likelihoods (no vendor's API gives those of a prompt).
"""

import asyncio
import logging
import os
import time
import warnings
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

from openai import AsyncOpenAI, OpenAIError

from llmlab_pytest.core import (
    ConfigError,
    Listener,
    ModelSpec,
    Price,
    ProviderUnavailable,
    Unsupported,
    redact,
)
from llmlab_pytest.providers._litellm_gateway import stand_in_for_gateway
from llmlab_pytest.providers._price import mapped_price
from llmlab_pytest.providers._price_map import map_source
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
from llmlab_pytest.providers._remote_retry import Failed
from llmlab_pytest.providers._trust import check_verified

# Read by litellm while it is imported; without them it fetches its price map and
# header table from the network, and reads .env files of the folders above it. Whatever
# the environment says: nobody is called and no file is read unless a run asks for it.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"
os.environ["LITELLM_MODE"] = "PRODUCTION"

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

stand_in_for_gateway()
_LEAST_RESPONSE_TOKENS = 16
"""OpenAI's responses take no lower limit; litellm raises one without a word."""
_RESPONSES = "responses/"
_ALWAYS_COUNTS = "anthropic"
_RAW_PROMPT_PROVIDERS = ("openai", "text-completion-openai")
_open_transports: "WeakSet[LiteLLM]" = WeakSet()
"""litellm shares its HTTP clients; the last transport to be closed closes them."""


class LiteLLM:
    """Carries requests to any vendor that litellm knows.

    Raises:
        ConfigError: litellm knows no such vendor, or the vendor takes no raw prompts.
    """

    def __init__(self, spec: ModelSpec, options: RemoteOptions) -> None:
        check_verified()
        self._spec = spec
        self._options = options
        self._name, self.vendor = _vendor_of(spec, options)
        _say_that_responses_stream(self._name, self.vendor)
        is_openai = self.vendor in _RAW_PROMPT_PROVIDERS
        find_key = openai_key if is_openai else RemoteOptions.api_key
        self.key = find_key(options, place=spec.source)
        self.base_url = options.base_url or (openai_base_url() if is_openai else None)
        self._priced_id = spec.id.replace(_RESPONSES, "", 1)
        """The model as the price map knows it, however it is called."""
        self._raw_client: AsyncOpenAI | None = None
        _open_transports.add(self)

    async def send(
        self,
        arguments: dict[str, Any],
        *,
        stream: bool,
        listener: Listener | None = None,
    ) -> Reply:
        """Send a request once.

        Raises:
            Failed: there is no answer.
        """
        _ignore_warnings_inside_litellm()
        self._refuse_what_responses_drop(arguments)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._options.timeout_s):
                raw = await self._call(arguments, stream=stream)
                if stream:
                    reply = await read_stream(
                        raw, spec=self._spec, started=started, listener=listener
                    )
                    self._refuse_nothing(reply)
                    return reply
            return read_reply(raw, spec=self._spec, started=started)
        except (OpenAIError, TimeoutError) as error:
            failure = translate(
                error,
                spec=self._spec,
                key_names=self._key_names(),
                secret=self.key or "",
            )
            wait_s = retry_after_s(error)
        raise Failed(failure, wait_s)

    def price_entry(self) -> Mapping[str, object]:
        """Return what litellm's map says of the model; empty if it does not know it."""
        try:
            key = litellm.get_model_info(self._priced_id)["key"]
            entry: Mapping[str, object] = litellm.model_cost[key]
        except (litellm.ModelNotMappedError, OpenAIError, ValueError, KeyError):
            return {}
        return entry

    def billed(self, reply: Reply, *, tier: str | None) -> tuple[float, Price] | None:
        """Ask litellm's price map; a price that it does not state is unknown, not 0."""
        try:
            parts_usd = litellm.cost_per_token(
                self._priced_id, usage_object=reply.raw_usage, service_tier=tier
            )
        except (litellm.ModelNotMappedError, OpenAIError, ValueError, KeyError):
            return None
        cost_usd: float = sum(parts_usd)
        entry = self.price_entry()
        if not (cost_usd > 0 or any("cost_per" in key for key in entry)):
            return None
        return cost_usd, mapped_price(entry, source=map_source(), tier=tier)

    async def close(self) -> None:
        """Close the connections, litellm's own when nobody else uses them."""
        _open_transports.discard(self)
        if self._raw_client is not None:
            await self._raw_client.close()
            self._raw_client = None
        if not _open_transports:
            await litellm.close_litellm_async_clients()
            # Streams of some vendors, Anthropic's among them, go over a client that is
            # in no cache; like litellm's own it opens again when it is used again.
            await litellm.module_level_aclient.client._transport.aclose()  # noqa: SLF001 -- as litellm does
            litellm.in_memory_llm_clients_cache.flush_cache()
            # Started first it forgets tasks of an event loop that is closed, which it
            # could not cancel.
            GLOBAL_LOGGING_WORKER.start()
            await GLOBAL_LOGGING_WORKER.stop()

    async def _call(self, arguments: dict[str, Any], *, stream: bool) -> Wire:
        common: dict[str, Any] = {
            "api_key": self.key,
            "api_base": self.base_url,
            "timeout": self._options.timeout_s,
            "num_retries": 0,
            "max_retries": 0,
        }
        if "tools" in arguments:
            # Else litellm 1.106 imports `mcp`, which it does not depend on, to look for
            # tools of its own gateway; no request could have a tool.
            common["_skip_mcp_handler"] = True
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
        return await litellm.acompletion(model=self._spec.id, **arguments, **common)

    def _refuse_nothing(self, reply: Reply) -> None:
        """Raise for a stream of Anthropic's protocol in which no model was asked.

        A litellm proxy ends one that way, and says `end_turn`, when the server behind
        it fails; in that protocol every answer counts its tokens, also an empty one.

        Raises:
            Failed: with `ProviderUnavailable`, when there is neither answer nor count.
        """
        has_answer = reply.text or reply.tool_calls or reply.has_usage
        if self.vendor == _ALWAYS_COUNTS and not has_answer:
            spec = self._spec
            msg = f"{spec.alias!r} ({spec.id}) sent a stream without text and counts."
            fix = "See what the server, or the one behind a proxy, logged."
            raise Failed(ProviderUnavailable(msg, fix=fix), None)

    def _refuse_what_responses_drop(self, arguments: Mapping[str, Any]) -> None:
        """Raise for settings that litellm leaves out of OpenAI's responses in silence.

        Raises:
            Failed: with `Unsupported`, when there is one.
        """
        lost = [name for name in ("stop", "seed") if arguments.get(name) is not None]
        most_tokens = arguments.get("max_tokens")
        if most_tokens is not None and most_tokens < _LEAST_RESPONSE_TOKENS:
            lost.append(f"max_tokens below {_LEAST_RESPONSE_TOKENS}")
        if not lost or "prompt" in arguments:
            return
        info, _ = litellm.main.responses_api_bridge_check(
            self._name,
            self.vendor,
            tools=arguments.get("tools"),
            reasoning_effort=arguments.get("reasoning_effort"),
            api_base=self.base_url,
        )
        if info.get("mode") == "responses":
            spec = self._spec
            msg = (
                f"{spec.alias!r} ({spec.id}) goes to OpenAI's responses, which know no "
                f"{' and no '.join(lost)}."
            )
            fix = "Leave it out, or add the setting to the model's option 'omit'."
            raise Failed(Unsupported(msg, fix=fix), None)

    def _client_for_raw_prompts(self) -> AsyncOpenAI:
        """Return a client of our own: litellm opens one per call and closes none."""
        if self._raw_client is None:
            self._raw_client = AsyncOpenAI(
                api_key=self.key,
                base_url=self.base_url,
                timeout=self._options.timeout_s,
                max_retries=0,
            )
        return self._raw_client

    def _key_names(self) -> str:
        missing = litellm.validate_environment(self._spec.id)["missing_keys"]
        vendors = ", ".join(missing) or f"{self.vendor.upper()}_API_KEY"
        return self._options.key_names(vendors, place=self._spec.source)


def _say_that_responses_stream(name: str, vendor: str) -> None:
    """Have a model of OpenAI's responses streamed that litellm's map does not know.

    litellm 1.106 asks for such a model's whole answer and plays a stream of it: the
    time to the first token is that of the last one, and arguments of calls come twice.
    The entry states no price, so the price stays unknown; and the mode of any model,
    since the same model may be asked in OpenAI's older protocol by another entry.
    """
    model = name.removeprefix(_RESPONSES)
    if vendor != "openai" or model == name:
        return
    try:
        litellm.get_model_info(model, custom_llm_provider=vendor)
    except (litellm.ModelNotMappedError, OpenAIError, ValueError, KeyError):
        known = {"litellm_provider": vendor, "mode": "chat"}
        litellm.register_model({model: {**known, "supports_native_streaming": True}})


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


def _ignore_warnings_inside_litellm() -> None:
    """Keep `-W error` from turning litellm's own use of pydantic into a failed call.

    Deprecated names, read-only fields of Ollama's messages, and events of OpenAI's
    responses that are read into other types than declared.

    Set for each call, since pytest restores the filters after every test. Not by
    `catch_warnings`, which is not safe in a thread beside pytest's own.
    """
    module = r"litellm(\.|$)"
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=module)
    told = "Pydantic serializer warnings|Items? .* using the `ReadOnly` qualifier"
    warnings.filterwarnings("ignore", told, category=UserWarning)
