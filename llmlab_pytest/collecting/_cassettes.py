"""Which cassettes a run used: told by the workers, shown below the table."""

from typing import Any

import pytest

from llmlab_pytest.session import LlmlabSession

_USED = "llmlab_cassettes"
"""What a worker tells the controller: the files it used."""
_used_key = pytest.StashKey[frozenset[str]]()
_untold_key = pytest.StashKey[bool]()


def used_cassettes(llmlab: LlmlabSession) -> dict[str, list[str]]:
    """Return what a worker tells the controller about the cassettes it used."""
    folder = llmlab.cassettes
    return {} if folder is None else {_USED: sorted(folder.used)}


def note_used_cassettes(node: Any) -> None:
    """In the controller: keep what a worker told; one that died told nothing."""
    told = getattr(node, "workeroutput", {}).get(_USED)
    if told is None:
        node.config.stash[_untold_key] = True
    else:
        before = node.config.stash.get(_used_key, frozenset())
        node.config.stash[_used_key] = before.union(told)


def show_cassettes(terminal: pytest.TerminalReporter, llmlab: LlmlabSession) -> None:
    """Print how many files the run used, and with `-v` those it did not.

    Left out where a worker died: which files it had used is not known.
    """
    folder, stash = llmlab.cassettes, llmlab.config.stash
    if folder is None or _untold_key in stash:
        return
    told: frozenset[str] = stash.get(_used_key, frozenset())
    used = folder.used | told
    unused = [file for file in folder.files() if file not in used]
    verb = "recorded" if llmlab.settings.record else "replayed"
    text = f"cassettes: {len(used)} {verb} in {folder.path}"
    if unused:
        text += f", {len(unused)} others there were not asked for"
    terminal.write_line(text)
    if unused and llmlab.config.getoption("verbose") > 0:
        for file in unused:
            terminal.write_line(f"  not asked for: {file}")
    elif unused:
        terminal.write_line("  -v names them")
