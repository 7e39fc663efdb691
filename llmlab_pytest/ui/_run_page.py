"""The page as a command starts it: told where it is, ended by Ctrl-C."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import closing, suppress

from llmlab_pytest.ui._access import Access, choose_token, is_loopback
from llmlab_pytest.ui._server import Site, serve
from llmlab_pytest.ui._shelf import Shelf


def run_page(*, store: str, host: str, port: int, names: Sequence[str]) -> None:
    """Serve the page until Ctrl-C.

    Args:
        store: path or URL of the store, which need not exist yet.
        host: where to listen.
        port: likewise; 0 is any that is free.
        names: further names by which browsers may call the page.

    Raises:
        ConfigError: it cannot be listened there, or the token is too short.
    """
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

    with closing(Shelf(store)) as shelf, suppress(KeyboardInterrupt):
        site = Site(shelf, access)
        asyncio.run(serve(site, host=host, port=port, tell=tell))
