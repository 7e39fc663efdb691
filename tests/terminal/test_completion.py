"""Completion by Tab in real shells, those that are installed."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Terminals = Callable[..., Any]
REGISTRY = """
[[model]]
alias = "zebra-of-mine"
provider = "scripted"
id = "shipped:scripted.toml"
groups = ["stripes"]
"""
CASES = [
    ("llmlab pro", "llmlab prompt "),
    ("llmlab prompt --temp", "llmlab prompt --temperature "),
    ("llmlab prompt --llm zeb", "llmlab prompt --llm zebra-of-mine "),
    ("llmlab prompt --llm smollm2,zeb", "--llm smollm2,zebra-of-mine "),
    ("llmlab prompt --scorer contains_an", "--scorer contains_any "),
    ("llmlab cache ver", "llmlab cache verify "),
    ("llmlab prompt --file notes-", "--file notes-of-mine.txt "),
    ("llmlab completion fi", "llmlab completion fish "),
]
GROUP = ("llmlab prompt --llm @str", "--llm @stripes ")
"""Not in bash: see `_models`."""
START = {
    "bash": ("--norc", "--noprofile", "-i"),
    "zsh": ("-f", "-i"),
    "fish": ("--no-config", "-i"),
}
SET_UP = {
    "bash": 'PS1="$ "; eval "$(llmlab completion bash)"; echo is" "ready\n',
    "zsh": "PROMPT='$ '; autoload -Uz compinit && compinit -u -D; "
    'eval "$(llmlab completion zsh)"; echo is" "ready\n',
    "fish": "llmlab completion fish | source; echo is' 'ready\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a model and a file of its own."""
    (tmp_path / "llmlab_models.toml").write_text(REGISTRY)
    (tmp_path / "notes-of-mine.txt").touch()
    return tmp_path


@pytest.mark.parametrize("shell", sorted(SET_UP))
@pytest.mark.usefixtures("project")
def test_a_shell_completes_commands_options_and_names(
    terminal: Terminals, shell: str
) -> None:
    """Names of models and groups are those that the folder's registry has now."""
    if shutil.which(shell) is None:
        pytest.skip(f"needs the shell {shell}")
    talk = terminal(shell, *START[shell], columns=200)
    talk.send(SET_UP[shell])
    talk.wait_for("is ready")
    for typed, completed in [*CASES, *([GROUP] if shell != "bash" else [])]:
        talk.send(f"{typed}\t")
        talk.wait_for(completed.replace("\x20", r"\s?"))
        talk.send("\x15")  # the line is taken back
    talk.send("exit\n")
    talk.end()


def test_runs_are_completed_from_the_store_that_is_there(
    project: Path, terminal_env: dict[str, str]
) -> None:
    """And none is made where there is none."""
    assert _completed("llmlab compare ", project, terminal_env) == []
    assert not (project / ".llmlab").exists()
    (project / "test_it.py").write_text("def test_it(llm):\n    assert llm('Hi')\n")
    command = [sys.executable, "-m", "pytest", "-q", "--llm", "scripted"]
    subprocess.run(command, cwd=project, env=terminal_env, check=True)
    last, before, run = _completed("llmlab compare ", project, terminal_env)
    assert (last, before) == ("last", "last~1")
    assert len(run) > 6


def test_a_broken_registry_breaks_no_line(
    project: Path, terminal_env: dict[str, str]
) -> None:
    """Tab stays silent."""
    (project / "llmlab_models.toml").write_text("nonsense")
    assert _completed("llmlab prompt --llm z", project, terminal_env) == []


def _completed(line: str, folder: Path, env: dict[str, str]) -> list[str]:
    """Ask as a shell's script does; options are left out of the answer."""
    asking = env | {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(folder / "completed"),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run(["llmlab"], cwd=folder, env=asking, check=True)
    words = (folder / "completed").read_text().split("\013")
    return [word.strip() for word in words if word and not word.startswith("-")]
