"""`llmlab completion`: what a shell needs to complete `llmlab` by Tab.

The script asks `llmlab` itself at each Tab; argcomplete speaks with the shell.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from llmlab_pytest.asking import registry_files
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.core import LlmlabError, load
from llmlab_pytest.judging import JUDGE_SCORERS
from llmlab_pytest.meaning import MEANING_SCORERS
from llmlab_pytest.providers import ModelRegistry, provider_registry
from llmlab_pytest.scorers import scorer_registry
from llmlab_pytest.store import open_store

_SHELLS = ("bash", "zsh", "fish")
_PROGRAM = "llmlab"
_MOST_RUNS = 20
_LAST = ("last", "last~1")


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.add_argument("shell", choices=_SHELLS, help="the shell that completes")
    parser.set_defaults(act=completion)


def completion(given: argparse.Namespace) -> Outcome:
    """Return the script; a shell evaluates it when it starts."""
    script: str = load("argcomplete:shellcode")([_PROGRAM], shell=given.shell)
    return Outcome(script.strip().splitlines())


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how its line may go on, and end the process.

    Args:
        parser: with the arguments of the command that the line names.
    """
    files: Callable[..., Iterable[str]] = load("argcomplete:FilesCompleter")()

    def suggest(prefix: str, action: argparse.Action, **rest: Any) -> Iterable[str]:
        for name in (*action.option_strings, action.metavar):
            if isinstance(name, str) and name in _NAMES:
                with suppress(LlmlabError):  # a Tab is no place to complain
                    return _NAMES[name](prefix)
                return ()
        return files(prefix, action=action, **rest)

    load("argcomplete:autocomplete")(parser, default_completer=suggest)


def named_command(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the word after `llmlab` of the line that a shell completes, if any."""
    words = environment.get("COMP_LINE", "").split()
    places = [n for n, word in enumerate(words) if Path(word).name == _PROGRAM]
    return words[places[0] + 1 :][:1] if places else []


def _models(prefix: str) -> list[str]:
    """Return aliases and groups, behind what a comma list has before its last.

    Not groups in bash: it takes `@` for the end of a word and for a part of one.
    """
    models = ModelRegistry.load(registry_files(None), providers=provider_registry())
    before, comma, _ = prefix.rpartition(",")
    names = [*models]
    if os.environ.get("_ARGCOMPLETE_SHELL") != "bash":
        names += [f"@{group}" for group in models.groups()]
    return [f"{before}{comma}{name}" for name in names]


def _scorers(_: str) -> list[str]:
    return [*scorer_registry(), *JUDGE_SCORERS, *MEANING_SCORERS]


def _runs(_: str) -> list[str]:
    """Return the latest runs of the store here; opens none that is not there."""
    path = Path(".llmlab", "llmlab.db")
    if not path.is_file():
        return []
    store = open_store(str(path))
    try:
        return [*_LAST, *(run.id for run in store.runs(limit=_MOST_RUNS))]
    finally:
        store.close()


_NAMES: dict[str, Callable[[str], list[str]]] = {
    "--llm": _models,
    "--judge": _models,
    "--writer": _models,
    "--scorer": _scorers,
    "RUN": _runs,
}
"""What completes an argument, by its option or its name in the help."""
