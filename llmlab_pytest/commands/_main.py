"""The command `llmlab`: a table of its commands, each loaded when it is named.

It starts without pytest, a database toolkit or models.
"""

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from typing import NamedTuple

from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.core import LlmlabError, load

_FAILED = 1
_WRONG_USE = 2
_COMPLETING = "_ARGCOMPLETE"
"""Set by the shell when it asks how a line may go on."""
_COMPLETION = "llmlab_pytest.commands._completion"
_STOPPED = 130
"""What shells say of a command that Ctrl-C ends: 128 and the number of the signal."""


class _Command(NamedTuple):
    help: str
    describe: str
    """Address of the function that adds its arguments, `act` among them."""


COMMANDS = {
    "prompt": _Command("ask models at once", "llmlab_pytest.commands._prompt:describe"),
    "optimise": _Command(
        "look for a better prompt of a card",
        "llmlab_pytest.commands._optimise:describe",
    ),
    "chat": _Command(
        "talk with models, several side by side",
        "llmlab_pytest.commands._chat:describe",
    ),
    "judge": _Command(
        "compare a judge with people", "llmlab_pytest.commands._judge:describe"
    ),
    "threshold": _Command(
        "from which value of a scorer on an answer passes",
        "llmlab_pytest.commands._threshold:describe",
    ),
    "cache": _Command(
        "look at cached answers, or remove some",
        "llmlab_pytest.commands._cache:describe",
    ),
    "prices": _Command(
        "what models cost; where another source says otherwise",
        "llmlab_pytest.commands._prices:describe",
    ),
    "compare": _Command(
        "runs, or models of one run, side by side, paired by sample",
        "llmlab_pytest.commands._compare:describe",
    ),
    "ui": _Command(
        "a page of runs, costs and prompts, in the browser",
        "llmlab_pytest.commands._ui:describe",
    ),
    "review": _Command(
        "a run against that of the base branch: a verdict and a comment",
        "llmlab_pytest.commands._review:describe",
    ),
    "completion": _Command(
        "what a shell needs to complete llmlab by Tab",
        "llmlab_pytest.commands._completion:describe",
    ),
    "history": _Command(
        "what runs cost, or scored, over time",
        "llmlab_pytest.commands._history:describe",
    ),
    "reprice": _Command(
        "a past run at other prices", "llmlab_pytest.commands._reprice:describe"
    ),
    "power": _Command(
        "how many samples a question takes", "llmlab_pytest.commands._power:describe"
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: by default those of the command line.
    """
    if _COMPLETING in os.environ:
        named = load(f"{_COMPLETION}:named_command")()
        load(f"{_COMPLETION}:complete")(command_parser(named))
    words = sys.argv[1:] if arguments is None else arguments
    given = command_parser(words[:1]).parse_args(words)
    try:
        report: Outcome = given.act(given)
    except LlmlabError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return _WRONG_USE
    except KeyboardInterrupt:
        return _STOPPED
    for line in report.lines:
        sys.stdout.write(f"{line}\n")
    if report.code is not None:
        return report.code
    return 0 if report.is_good else _FAILED


def command_parser(described: Collection[str]) -> argparse.ArgumentParser:
    """Return the parser; of each command that is named, with its arguments."""
    parser = argparse.ArgumentParser(
        prog="llmlab", description="What is done around runs, without pytest."
    )
    actions = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        added = actions.add_parser(name, help=command.help)
        if name in described:
            load(command.describe)(added)
    return parser
