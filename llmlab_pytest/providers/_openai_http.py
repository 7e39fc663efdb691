"""OpenAI's plain protocol over connections of our own: many times litellm's speed.

litellm and the OpenAI client cost 5 to 19 ms of processor time per call; this costs
0.3. Only what litellm sends unchanged goes this way: see `is_plain`. Results are the
same, which the tests check by running every case through both.
"""

import asyncio
import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import aclosing, nullcontext, suppress
from dataclasses import replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from llmlab_pytest.core import (
    ConfigError,
    Listener,
    ModelSpec,
    Price,
    Secret,
    redact,
    shorten,
)
from llmlab_pytest.providers._causes import class_names
from llmlab_pytest.providers._openai_events import read_events
from llmlab_pytest.providers._price import mapped_price
from llmlab_pytest.providers._price_map import (
    map_source,
    openai_cost_usd,
    openai_entry,
)
from llmlab_pytest.providers._rate_limit_headers import asked_wait_s, used_up_s
from llmlab_pytest.providers._remote_errors import (
    DISTRUST,
    UNREACHED,
    Trouble,
    explain,
)
from llmlab_pytest.providers._remote_options import (
    RemoteOptions,
    openai_base_url,
    openai_key,
)
from llmlab_pytest.providers._remote_reply import Parts, Reply, malformed, read_reply
from llmlab_pytest.providers._remote_retry import Failed
from llmlab_pytest.providers._trust import distrust, trust

_VENDORS_OWN = "https://api.openai.com/v1"
_ACCOUNT = {
    "OpenAI-Organization": ("OPENAI_ORGANIZATION", "OPENAI_ORG_ID"),
    "OpenAI-Project": ("OPENAI_PROJECT_ID",),
}
"""Headers that say whom to bill, by the variables that hold them."""
_REASONING = re.compile(
    r"<(?:think|thinking|budget:thinking)>.*?</(?:think|thinking|budget:thinking)>",
    re.DOTALL,
)
_FIRST_ERROR = 300
_BAD_REQUEST = 400
_KEEP_ALIVE_S = 4
"""Shorter than servers keep idle connections, mostly 5 s: a request that is sent while
the other side closes fails."""
_HEADER_BYTES = 1 << 16
_REST_S = 1.0


class OpenAIHttp:
    """Carries requests to one server that speaks OpenAI's protocol.

    Args:
        spec: the model.
        options: of its entry.
        name: what the server calls it.
    """

    def __init__(self, spec: ModelSpec, options: RemoteOptions, name: str) -> None:
        self._spec = spec
        self._options = options
        self._name = name
        self.vendor = "openai"
        key = openai_key(options, place=spec.source)
        self.key = key or Secret(os.environ.get("OPENAI_API_KEY", ""))
        self.base_url = options.base_url or openai_base_url()
        self._address = (self.base_url or _VENDORS_OWN).rstrip("/")
        self._proxy = proxy_for(self._address)
        self._session: aiohttp.ClientSession | None = None

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
        if not self.key:
            raise self._failed(Trouble(said="there is no key", status=401))
        options = self._options
        first = asyncio.timeout(options.first_token_timeout_s) if stream else None
        try:
            async with asyncio.timeout(options.timeout_s), first or nullcontext():
                return await self._exchange(arguments, first, listener)
        except aiohttp.ServerTimeoutError:  # a TimeoutError, but of the connection
            said = f"no connection within {options.connect_timeout_s:g} s"
            classes = frozenset({"ConnectionTimeoutError"})
        except TimeoutError:
            what, after_s = "answer", options.timeout_s
            if first is not None and first.expired():
                what, after_s = "first part", options.first_token_timeout_s or 0.0
            classes = frozenset({"TimeoutError"})
            said = f"no {what} within {after_s:g} s"
        except (aiohttp.ClientError, OSError) as error:
            refused = distrust(error)
            said = refused or f"{type(error).__name__}: {error}"
            classes = UNREACHED & class_names(error) or frozenset(
                {"APIConnectionError"}
            )
            classes = frozenset({DISTRUST}) if refused else classes
        except (ValueError, TypeError, RuntimeError) as error:  # e.g. an odd header
            said, classes = f"{type(error).__name__}: {error}", frozenset()
        # Outside the handler, so that the client's exception, which may quote the
        # request, does not become part of the traceback.
        raise self._failed(Trouble(said=said, classes=classes))

    def price_entry(self) -> Mapping[str, object]:
        """Return what litellm's map says of the model; empty if it does not know it."""
        return openai_entry(self._name)

    def billed(self, reply: Reply, *, tier: str | None) -> tuple[float, Price] | None:
        """Return what a reply cost by litellm's map, and by which rates."""
        entry = self.price_entry()
        cost_usd = openai_cost_usd(entry, reply.usage, tier=tier)
        if cost_usd is None:
            return None
        return cost_usd, mapped_price(entry, source=map_source(), tier=tier)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(
        self,
        arguments: dict[str, Any],
        first: asyncio.Timeout | None,
        listener: Listener | None,
    ) -> Reply:
        """Send a request and read the reply, a stream if its first part is timed."""
        started = time.perf_counter()
        sent = _request(arguments, name=self._name, stream=first is not None)
        async with self._connections().post(
            self._address + sent.path,
            data=sent.body,
            headers={**self._headers, **sent.headers},
            proxy=self._proxy,
            allow_redirects=False,  # keys and prompts go where the entry says
        ) as response:
            if response.status >= _FIRST_ERROR:
                raise await self._refused(response)
            if first is not None:
                parts = Parts(spec=self._spec, started=started, listener=listener)
                reply = await self._parts(response, parts, first=first)
            else:
                content = await response.read()
                reply = self._read(content, started=started)
        return replace(reply, pause_s=used_up_s(response.headers))

    def _read(self, content: bytes, *, started: float) -> Reply:
        try:
            raw = json.loads(content, object_hook=_named)
            if not hasattr(raw, "choices") and hasattr(raw, "error"):
                raise self._failed(_told(raw.error, status=None, text=str(raw.error)))
            raw = _without_reasoning(raw)
            return read_reply(raw, spec=self._spec, started=started)
        except ValueError:
            what = "a reply that is not JSON"
        except (AttributeError, TypeError, IndexError):
            what = "a reply whose 'choices' cannot be read"
        raise self._odd(what, content)

    async def _parts(
        self,
        response: aiohttp.ClientResponse,
        parts: Parts,
        *,
        first: asyncio.Timeout,
    ) -> Reply:
        count = 0
        async with aclosing(read_events(response.content.iter_any())) as events:
            async for event in events:
                count += 1
                if not first.expired():
                    first.reschedule(None)
                if event == "[DONE]":
                    break
                self._add(parts, event)
        if not count:
            raise malformed(self._spec, "a stream without events")
        if parts.finish is None:
            raise parts.broken_off()
        reply = parts.reply()
        # A connection can be used again only when its last reply was read to the end.
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(_REST_S):
                await response.content.read()
        return reply

    def _add(self, parts: Parts, event: str) -> None:
        """Read one event of a stream; an error may come in the middle of it."""
        try:
            chunk = json.loads(event, object_hook=_named)
            error = getattr(chunk, "error", None)
            if error is None:
                parts.add(chunk)
                return
        except (ValueError, AttributeError, TypeError):
            error = None
        if error is None:
            raise self._odd("an event that is no part of an answer", event.encode())
        raise self._failed(_told(error, status=None, text=event))

    async def _refused(self, response: aiohttp.ClientResponse) -> Failed:
        text = await response.text(errors="replace")
        if response.status < _BAD_REQUEST:
            text = f"it redirects to {response.headers.get('Location')}"
        try:
            error = getattr(json.loads(text, object_hook=_named), "error", None)
        except ValueError:
            error = None
        trouble = _told(error, status=response.status, text=text)
        return self._failed(trouble, asked_wait_s(response.headers))

    def _odd(self, what: str, content: bytes) -> Failed:
        """Return the error of a reply that does not follow the protocol."""
        text = content.decode(errors="replace").replace(str(self.key), "[redacted]")
        seen = shorten(repr(redact(text)))
        classes = frozenset({"APIResponseValidationError"})
        return self._failed(Trouble(said=f"{what}. Received: {seen}", classes=classes))

    def _failed(self, trouble: Trouble, wait_s: float | None = None) -> Failed:
        error = explain(
            trouble,
            spec=self._spec,
            key_names=self._options.key_names(
                "OPENAI_API_KEY", place=self._spec.source
            ),
            secret=str(self.key),
        )
        return Failed(error, wait_s)

    @cached_property
    def _headers(self) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "User-Agent": "llmlab-pytest",
        }
        if self.base_url is None:  # no other server learns who pays
            for header, variables in _ACCOUNT.items():
                if value := next(filter(None, map(os.environ.get, variables)), None):
                    headers[header] = value
        return headers

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # how many calls are in flight is decided elsewhere
                    ssl=trust(),
                    keepalive_timeout=_KEEP_ALIVE_S,
                ),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=self._options.connect_timeout_s
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
            )
        return self._session


def proxy_for(address: str) -> str | None:
    """Return the proxy that the environment names for an address, if any.

    Once per server: aiohttp would look for it, and for a password, at every call.
    """
    parts = urlsplit(address)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    known = getproxies()
    proxy = known.get(parts.scheme) or known.get("all")
    if not proxy:
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")):
        raise ConfigError(
            f"The proxy of the environment for {parts.scheme} is of the kind "
            f"{urlsplit(proxy).scheme!r}.",
            allowed="It is an http:// or https:// proxy.",
            fix="Name such a one, or set the model's option transport to 'litellm'.",
        )
    return proxy


class _Sent(NamedTuple):
    path: str
    body: bytes
    headers: dict[str, str]


def _request(arguments: dict[str, Any], *, name: str, stream: bool) -> _Sent:
    body = {"model": name, **{k: v for k, v in arguments.items() if v is not None}}
    headers = body.pop("extra_headers", {})
    body |= body.pop("extra_body", {})
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    path = "/completions" if "prompt" in body else "/chat/completions"
    return _Sent(path, json.dumps(body, ensure_ascii=False).encode(), headers)


def _named(fields: dict[str, Any]) -> SimpleNamespace:
    """Make a JSON object one with attributes, as litellm's replies are."""
    return SimpleNamespace(**fields)


def _without_reasoning(raw: Any) -> Any:
    """Leave out what a model thought aloud before its answer, as litellm does."""
    for choice in raw.choices:
        message = getattr(choice, "message", None)
        if message is None:  # of the endpoint for raw prompts
            continue
        if not isinstance(message, SimpleNamespace):
            raise TypeError(type(message).__name__)
        text = getattr(message, "content", None)
        is_apart = any(hasattr(message, f"reasoning{end}") for end in ("", "_content"))
        if isinstance(text, str) and not is_apart and (said := _REASONING.match(text)):
            message.content = text[said.end() :]
    return raw


def _told(error: object, *, status: int | None, text: str) -> Trouble:
    """Read the error of a reply; some servers write plain text."""
    said = error if isinstance(error, str) else getattr(error, "message", None)
    said = str(said or text or "an empty body")
    code = getattr(error, "code", None)
    # Routers of other servers put the status there, litellm's proxy as a text.
    if status is None and str(code).isdecimal():
        status = int(str(code))
    where = f"HTTP {status}: " if status else ""
    return Trouble(said=f"{where}{said}", status=status, code=str(code or ""))
