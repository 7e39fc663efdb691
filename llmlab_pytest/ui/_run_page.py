"""The page as a command starts it: told where it is, ended by Ctrl-C."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from llmlab_pytest.asking import Asking
from llmlab_pytest.ui._access import Access, choose_token, is_loopback
from llmlab_pytest.ui._playground import Playground
from llmlab_pytest.ui._server import Site, serve
from llmlab_pytest.ui._shelf import Shelf


class Start(NamedTuple):
    """How the page is started."""

    store: str
    """Path or URL of the store, which need not exist yet."""
    host: str
    """Where to listen."""
    port: int
    """Likewise; 0 is any that is free."""
    names: Sequence[str]
    """Further names by which browsers may call the page."""


def run_page(start: Start, asking: Asking) -> None:
    """Serve the page of this folder until Ctrl-C.

    Args:
        start: where, and of which store.
        asking: the models of its playground.

    Raises:
        ConfigError: it cannot be listened there, or the token is too short.
    """
    host, names = start.host, start.names
    token, is_new = choose_token(host)
    access = Access(host, token, names=names)

    def tell(found: int) -> None:
        name = f"[{host}]" if ":" in host else host
        lines = [f"llmlab ui: http://{name}:{found}/ (Ctrl-C ends it)"]
        if is_new:
            lines.append(f"token, told once: {token}")
        if not is_loopback(host):
            lines.append("plain HTTP: others on the way can read it")
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()

    with closing(Shelf(start.store)) as shelf, suppress(KeyboardInterrupt):
        site = Site(shelf, access, Playground(asking, Path.cwd()))
        asyncio.run(serve(site, host=host, port=start.port, tell=tell))
