"""The server: routes to views, and what every request and answer goes through."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Middleware

from llmlab_pytest.core import ConfigError, LlmlabError, StoreError
from llmlab_pytest.ui._access import HEADERS, Access, Arrival
from llmlab_pytest.ui._compare import compare_view
from llmlab_pytest.ui._compared_sample import compared_sample_view
from llmlab_pytest.ui._costs import costs_view
from llmlab_pytest.ui._leaderboard import leaderboard_view
from llmlab_pytest.ui._links import Query
from llmlab_pytest.ui._page import ASSETS, asset, render
from llmlab_pytest.ui._play_routes import Handler, play_routes
from llmlab_pytest.ui._play_view import play_view
from llmlab_pytest.ui._playground import Playground
from llmlab_pytest.ui._runs import run_view, runs_view
from llmlab_pytest.ui._samples import sample_view, samples_view
from llmlab_pytest.ui._shelf import Shelf

View = Callable[[Shelf, Query], str]
_VIEWS: dict[str, View] = {
    "/runs": runs_view,
    "/runs/{run}": run_view,
    "/runs/{run}/samples": samples_view,
    "/runs/{run}/sample": sample_view,
    "/compare": compare_view,
    "/compare/sample": compared_sample_view,
    "/costs": costs_view,
    "/leaderboard": leaderboard_view,
}
"""Views by the pattern of their address: each only reads."""
_MOST_BODY_BYTES = 1_000_000
_SHUTDOWN_S = 2.0
_COOKIE = "llmlab_ui"
_OPEN = ("/token", *(f"/page/{name}" for name in ASSETS))
"""What a visitor sees without the token."""


class Site(NamedTuple):
    """What is served."""

    shelf: Shelf
    access: Access
    playground: Playground


def application(site: Site) -> web.Application:
    """Return the server's routes."""
    app = web.Application(
        middlewares=[_guard(site.access), _explain], client_max_size=_MOST_BODY_BYTES
    )
    app.on_response_prepare.append(_add_headers)
    app.router.add_get("/", _to_runs)
    for pattern, view in _VIEWS.items():
        app.router.add_get(pattern, _handler(site.shelf, view))
    view = partial(_play_view, site.playground)
    app.router.add_get("/play", _handler(site.shelf, view))
    for path, handler in play_routes(site.playground).items():
        app.router.add_post(path, handler)
    app.router.add_get("/page/{name}", _asset)
    app.router.add_post("/token", _enter(site.access))
    return app


@asynccontextmanager
async def serving(site: Site, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the context lasts; gives the port that is listened on.

    Raises:
        ConfigError: host and port cannot be listened on.
    """
    # A visitor who leaves ends what runs for them: tries cost money.
    runner = web.AppRunner(
        application(site),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_SHUTDOWN_S,
    )
    await runner.setup()
    try:
        await _listen(runner, host, port)
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def serve(
    site: Site, *, host: str, port: int, tell: Callable[[int], None]
) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        site: what is served.
        host: where to listen.
        port: likewise; 0 is any that is free.
        tell: called with the port once the page can be opened.

    Raises:
        ConfigError: host and port cannot be listened on.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C interrupts the loop
            loop.add_signal_handler(name, ended.set)
    async with serving(site, host=host, port=port) as found:
        tell(found)
        await ended.wait()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ConfigError(
            f"llmlab ui cannot listen on {host!r}, port {port}: {error.strerror}.",
            fix="Choose another with --port, or 0 for any that is free.",
        ) from error


def _guard(access: Access) -> Middleware:
    """Return what looks at each request before anything is done for it."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = request.headers
        arrival = Arrival(
            method=request.method,
            host=asked.get("Host", ""),
            origin=asked.get("Origin"),
            site=asked.get("Sec-Fetch-Site"),
            mode=asked.get("Sec-Fetch-Mode"),
        )
        if (why := access.refusal(arrival)) is not None:
            return _trouble(request, 403, "Not from here", why)
        kind, _, bearer = asked.get("Authorization", "").partition(" ")
        is_known = access.is_known(
            session=request.cookies.get(_COOKIE),
            bearer=bearer.strip() if kind.lower() == "bearer" else None,
        )
        if is_known or request.path in _OPEN:
            return await handler(request)
        return _login(request, "This page needs the token that its server printed.")

    return guard


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn our errors into a page, or into JSON where a script asks."""
    try:
        return await handler(request)
    except StoreError as error:
        return _trouble(request, 503, "The store cannot be read", str(error))
    except LlmlabError as error:
        is_read = request.method == "GET"
        title = "Not found" if is_read else "Not possible"
        return _trouble(request, 404 if is_read else 422, title, str(error))
    except web.HTTPNotFound:
        return _trouble(request, 404, "Not found", "There is no such page.")


def _trouble(request: web.Request, status: int, title: str, text: str) -> web.Response:
    if request.method == "GET":
        html = render("trouble", here="", title=title, text=text)
        return web.Response(text=html, content_type="text/html", status=status)
    return web.json_response({"error": text}, status=status)


def _login(request: web.Request, text: str) -> web.Response:
    if request.method == "GET" or request.path == "/token":
        html = render("login", here="", text=text)
        return web.Response(text=html, content_type="text/html", status=401)
    return web.json_response({"error": text}, status=401)


async def _add_headers(_: web.Request, answer: web.StreamResponse) -> None:
    answer.headers.update(HEADERS)


async def _to_runs(_: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/runs")


def _handler(shelf: Shelf, view: View) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        given = {name: request.query.getall(name) for name in request.query}
        query = Query(dict(request.match_info), given)
        html = await asyncio.to_thread(view, shelf, query)
        return web.Response(text=html, content_type="text/html")

    return handle


def _play_view(playground: Playground, shelf: Shelf, query: Query) -> str:
    return play_view(shelf, playground, query)


async def _asset(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in ASSETS:
        raise web.HTTPNotFound
    return web.Response(text=asset(name), content_type=ASSETS[name])


def _enter(access: Access) -> Handler:
    async def enter(request: web.Request) -> web.StreamResponse:
        given = (await request.post()).get("token")
        if not isinstance(given, str) or not access.is_token(given.strip()):
            return _login(request, "That is not the token.")
        answer = web.HTTPSeeOther("/runs")
        answer.set_cookie(
            _COOKIE,
            access.session,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )
        raise answer

    return enter
