"""`llmlab ui`: the page of runs and prompts, served by this process."""

import argparse
from typing import Any

from llmlab_pytest.commands._arguments import LIST, port
from llmlab_pytest.commands._asking_options import add_asking_options, open_asking
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.core import load


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""

    def add(flag: str, text: str, **options: Any) -> None:
        parser.add_argument(flag, help=text, **options)

    add("--port", "0: any that is free (%(default)s)", type=port, default=8765)
    add(
        "--host",
        "where to listen (%(default)s); any but this machine's own needs a token, "
        "that of LLMLAB_UI_TOKEN or a new one",
        default="127.0.0.1",
        metavar="ADDRESS",
    )
    add(
        "--allow-host", "a further name of the page; repeatable", **LIST, metavar="NAME"
    )
    add_asking_options(parser)
    parser.set_defaults(act=ui)


def ui(given: argparse.Namespace) -> Outcome:
    """Serve the page of this folder until Ctrl-C.

    Raises:
        ConfigError: the address cannot be listened on, the token is too short, or the
            registry is wrong.
    """
    start = load("llmlab_pytest.ui:Start", needed_by="llmlab ui")
    run_page = load("llmlab_pytest.ui:run_page", needed_by="llmlab ui")
    with open_asking(given) as asking:
        run_page(start(given.store, given.host, given.port, given.allow_host), asking)
        return Outcome(asking.budget_lines())
