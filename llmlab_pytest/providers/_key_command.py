"""A key that a command prints, as `pass`, `op`, `vault` and their like do.

No shell is involved. The command gets the environment, no input and no terminal: with
several workers several of them run, and a question would reach nobody. Whether a
command may run at all is decided where the options of a run are known.
"""

import os
import shlex
import signal
import subprocess
import threading
from pathlib import PurePath
from typing import NamedTuple

from llmlab_pytest.core import (
    AuthError,
    ConfigError,
    Json,
    ModelSpec,
    Secret,
    know_secret,
    redact,
    shorten,
)

COMMAND = "api_key_command"
"""The option."""
_LONGEST_S = 30.0
_SHOWN = 200
_BY_HAND = "Run it by hand, without a terminal: it prints the key and nothing else."
_lock = threading.Lock()
_keys: dict[tuple[str, ...], Secret] = {}


def is_command(value: Json) -> bool:
    """Whether an option's value is a command line or a list of its words."""
    if isinstance(value, list | tuple):
        words = all(isinstance(word, str) for word in value)
        return words and bool(value) and bool(value[0])
    return isinstance(value, str) and bool(value.strip())


def command_of(value: Json, *, place: str) -> tuple[str, ...]:
    """Return the words of a command; a string is split as a POSIX shell would.

    Raises:
        ConfigError: a quotation in the string has no end.
    """
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    try:
        return tuple(shlex.split(str(value)))
    except ValueError as error:
        raise ConfigError(
            f"{place}: {COMMAND!r} cannot be split into words: {error}.",
            fix="Write it as a list of strings.",
        ) from error


def check_commands(spec: ModelSpec, *, may_run: bool) -> None:
    """Raise `ConfigError` if a model's key needs a command that may not be run."""
    for member in spec.members:
        check_commands(member, may_run=may_run)
    value = spec.options.get(COMMAND)
    if value is None or may_run:
        return
    place = spec.source or f"the options of {spec.alias!r}"
    program = command_of(value, place=place)[:1]
    raise ConfigError(
        f"{place}: the key of {spec.alias!r} comes from the command "
        f"{_name(program)!r}, which was not allowed.",
        allowed="An entry runs a command with --llmlab-allow-commands only.",
        fix="Read the entry and add the option, or name a variable: api_key_env.",
    )


def key_of_command(command: tuple[str, ...], *, place: str) -> Secret:
    """Return what a command prints; it is run once per process.

    Args:
        command: program and arguments.
        place: where the model's entry stands, for messages.

    Raises:
        AuthError: it cannot be started, fails, takes more than 30 s or prints no key.
            The message has its exit code and what it wrote to stderr, never its output.
    """
    with _lock:  # models are loaded side by side, and a command may be slow
        if (key := _keys.get(command)) is None:
            key = _keys[command] = _ask(command, place)
    return key


class _Ended(NamedTuple):
    """How a command ended; `trouble` is empty if it printed a key."""

    key: Secret
    trouble: str


def _ask(command: tuple[str, ...], place: str) -> Secret:
    key, trouble = _ended(command)
    if trouble:
        msg = f"{place}: the {COMMAND} {_name(command)!r} {trouble}."
        raise AuthError(msg, fix=_BY_HAND)
    return know_secret(key)


def _ended(command: tuple[str, ...]) -> _Ended:
    """Run a command; raises nothing, so that its output is in no traceback."""
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # no terminal; and it is ended with its children
        ) as process:
            try:
                printed, said = process.communicate(timeout=_LONGEST_S)
            except subprocess.TimeoutExpired:
                _kill(process)
                return _Ended(Secret(), f"did not end within {_LONGEST_S:g} s")
    except (OSError, ValueError) as error:
        return _Ended(Secret(), f"cannot be started: {error}")
    key = Secret(printed.decode(errors="replace").strip())
    if process.returncode:
        why = said.decode(errors="replace")
        if key:
            why = why.replace(key, "[redacted]")
        why = shorten(redact(why), _SHOWN).rstrip(".") or "nothing"
        return _Ended(
            Secret(), f"ended with exit code {process.returncode} and said: {why}"
        )
    return _Ended(key, _oddity(key))


def _oddity(key: Secret) -> str:
    if not key:
        return "printed nothing"
    if len(lines := key.splitlines()) > 1:
        return f"printed {len(lines)} lines, where a key is one"
    if not key.isascii() or not key.isprintable() or " " in key:
        return "printed something else than a key: it has blanks or odd characters"
    return ""


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a command and what it has started."""
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _name(command: tuple[str, ...]) -> str:
    """Return a program's name; its arguments may hold what is nobody's business."""
    return PurePath(command[0]).name if command else ""
