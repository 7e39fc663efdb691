"""`llmlab ui`: the page of runs and prompts, served by this process."""

import argparse

from llmlab_pytest.commands._arguments import LIST, port
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.core import load


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.set_defaults(act=ui)
    parser.add_argument(
        "--store",
        default=".llmlab/llmlab.db",
        metavar="URL",
        help="the store, as --llmlab-store names it (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=port,
        default=8765,
        metavar="N",
        help="where to listen; 0 is any that is free (default: %(default)s)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="H",
        help="likewise; any but this machine's own needs a token, that of "
        "LLMLAB_UI_TOKEN or a new one (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-host",
        **LIST,
        metavar="NAME",
        help="a further name by which browsers may call the page; repeatable",
    )


def ui(given: argparse.Namespace) -> Outcome:
    """Serve the page until Ctrl-C.

    Raises:
        ConfigError: the address cannot be listened on, or the token is too short.
    """
    run = load("llmlab_pytest.ui:run_page", needed_by="llmlab ui")
    run(
        store=given.store,
        host=given.host,
        port=given.port,
        names=given.allow_host,
    )
    return Outcome([])
