"""Variables from a `.env` file, read when `--llmlab-env-file` names it.

Every process of a run reads the file by itself, so that no value is sent to a worker.
What is left out: references to other variables, since a key may hold a `$`.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

import pytest
from dotenv.parser import parse_stream

from llmlab_pytest.core import ConfigError
from llmlab_pytest.session._settings import raw_setting

_FLAG = "--llmlab-env-file"
# Without the monitor that a repository's settings may name: it is a program.
_GIT_KNOWS = ("git", "-c", "core.fsmonitor=false", "ls-files", "--error-unmatch", "--")
_GIT_TIMEOUT_S = 5
_FOR_OTHERS = 0o004


def load_env_file(config: pytest.Config) -> None:
    """Set the variables of the file that this run names, until pytest ends.

    A variable that the environment has stays as it is.

    Raises:
        ConfigError: the file cannot be read, or a line of it sets no variable; names
            file and line and shows no value.
    """
    if (path := env_file_of(config)) is None:
        return
    where = raw_setting(config, _FLAG).where
    added = {
        name: value
        for name, value in read_env_file(path, where=where).items()
        if name not in os.environ
    }
    os.environ.update(added)

    def take_back() -> None:
        for name, value in added.items():
            if os.environ.get(name) == value:
                del os.environ[name]

    config.add_cleanup(take_back)


def env_file_of(config: pytest.Config) -> Path | None:
    """Return the file that this run names, relative to the root directory."""
    name = raw_setting(config, _FLAG).value
    return config.rootpath / Path(name).expanduser() if name else None


def read_env_file(path: Path, *, where: str) -> Mapping[str, str]:
    """Return the variables of a file, as they stand there.

    Args:
        path: the file, in the form that python-dotenv reads.
        where: what names it, for messages.

    Raises:
        ConfigError: it cannot be read, or a line sets no variable.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(
            f"{where} names the file {str(path)!r}, which cannot be read: {why}.",
            fix="Correct the path, or leave the option out.",
        ) from None  # the cause may quote the file
    variables: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.key is not None and binding.value is not None:
            variables[binding.key] = binding.value
        elif binding.error or binding.key is not None:
            lines = binding.original.string.splitlines()
            blank = next((n for n, line in enumerate(lines) if line.strip()), 0)
            raise ConfigError(
                f"{path}:{binding.original.line + blank}: the line sets no variable.",
                allowed="A line is NAME=value, 'export NAME=value', empty, or a "
                "comment that begins with #.",
                fix="Put a value with blanks, quotes or # in quotation marks.",
            )
    return variables


def exposures_of(path: Path) -> Iterator[str]:
    """Yield how others may come to read a file that holds secrets."""
    if os.name == "posix" and path.stat().st_mode & _FOR_OTHERS:
        yield (
            f"{path} can be read by every user of this machine. "
            f"Run: chmod 600 {path.name}"
        )
    if _is_tracked(path):
        yield (
            f"{path} is tracked by git, so its values are in the history. "
            f"Run: git rm --cached {path.name}, ignore it, and replace the keys."
        )


def _is_tracked(path: Path) -> bool:
    try:
        asked = subprocess.run(
            [*_GIT_KNOWS, path.name],
            cwd=path.parent,
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
