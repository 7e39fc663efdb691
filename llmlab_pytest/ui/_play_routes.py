"""Routes of the playground: what is sent to it, and what it streams back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web

from llmlab_pytest.core import ConfigError
from llmlab_pytest.reporting import pieces_of
from llmlab_pytest.ui._page import shown
from llmlab_pytest.ui._playground import Playground
from llmlab_pytest.ui._wish import read_wish

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_MOST_COMPARED = 200_000
"""Characters of a text whose words are compared."""


def play_routes(playground: Playground) -> dict[str, Handler]:
    """Return the handlers of POST requests by their path."""

    async def needs(request: web.Request) -> web.Response:
        content = await _content(request)
        template, given = content.get("template"), content.get("given")
        if not isinstance(template, str) or not isinstance(given, list):
            raise ConfigError(
                "A template is not read.", fix="Send the texts template and given."
            )
        found = await asyncio.to_thread(playground.needs, template, given)
        return web.json_response(found)

    async def ask(request: web.Request) -> web.StreamResponse:
        wish = read_wish(await _content(request))
        lines = _Lines(request)
        try:
            await playground.ask(wish, lines.send)
        except* ConnectionError:  # the visitor is gone, and what ran for them is ended
            pass
        return await lines.end()

    async def differ(request: web.Request) -> web.Response:
        content = await _content(request)
        texts = [
            text
            for text in (content.get("first"), content.get("second"))
            if isinstance(text, str) and len(text) <= _MOST_COMPARED
        ]
        if len(texts) < len(("first", "second")):
            raise ConfigError(
                "Two texts are not compared.",
                allowed=f"Each has up to {_MOST_COMPARED:,} characters.",
            )
        pieces = await asyncio.to_thread(pieces_of, *texts)
        return web.json_response([[each.kind, shown(each.text)] for each in pieces])

    async def save(request: web.Request) -> web.Response:
        content = await _content(request)
        name, kind = f"{content.get('name', '')}", f"{content.get('as', '')}"
        work = partial(playground.save, read_wish(content.get("try")), name, kind)
        return web.json_response({"path": await asyncio.to_thread(work)})

    return {
        "/play/needs": needs,
        "/play/ask": ask,
        "/play/differ": differ,
        "/play/save": save,
    }


class _Lines:
    """An answer of a JSON object a line, begun with the first of them.

    Until then a mistake is told by the status, as for any other request.
    """

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._reply: web.StreamResponse | None = None

    async def send(self, event: dict[str, Any]) -> None:
        """Send a line."""
        if self._reply is None:
            reply = web.StreamResponse()
            reply.content_type = "application/x-ndjson"
            await reply.prepare(self._request)
            self._reply = reply
        await self._reply.write(f"{json.dumps(event)}\n".encode())

    async def end(self) -> web.StreamResponse:
        """Return what was sent."""
        return self._reply or web.Response(status=204)


async def _content(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a request.

    Raises:
        ConfigError: it is none.
    """
    content: object = None
    if request.content_type == "application/json":
        try:
            content = json.loads(await request.text())
        except (ValueError, RecursionError):  # the latter of a thousand brackets
            content = None
    if not isinstance(content, dict):
        raise ConfigError(
            "What was sent is no JSON object.", fix="Send one, as application/json."
        )
    return content
