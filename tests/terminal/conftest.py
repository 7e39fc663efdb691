"""Commands on a real pseudo-terminal, as people type into them."""

import codecs
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

WAIT_S = 60.0
"""Longer than anything here takes on a busy machine; reached only by a defect."""
INTERRUPT_S = 3.0
"""After this time a Ctrl-C that was not seen is pressed again."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")
# The child makes the terminal its own before it becomes the command.
_LAUNCH = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A command on a terminal of its own.

    Args:
        command: words.
        folder: where it runs.
        env: its environment.
        columns: width of the terminal, characters.
    """

    def __init__(
        self,
        *command: str,
        folder: Path,
        env: Mapping[str, str],
        columns: int = 100,
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 30, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=dict(env),
            start_new_session=True,
        )
        os.close(theirs)
        self.raw = ""
        self._seen = 0
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        """What was written so far, without colours and what was taken back."""
        text = _ESCAPES.sub("", self.raw)
        while (shorter := re.sub(r"[^\x08]\x08", "", text)) != text:
            text = shorter
        return text

    def send(self, text: str) -> None:
        """Type."""
        os.write(self._ours, text.encode())

    def wait_for(self, pattern: str) -> None:
        """Wait until a pattern is found in what was written since the last wait."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: re.search(pattern, self.text[self._seen :]), WAIT_S
            )
        assert found, f"{pattern!r} did not come:\n{self.text}\n{self.raw[-200:]!r}"
        self._seen += found.end()

    def interrupt(self, pattern: str) -> None:
        """Press Ctrl-C at a prompt, again where it was not seen; wait for a pattern.

        Python sees one that falls between readline's prompt and its wait for a key only
        at the next key, so people press it twice.
        """
        for _ in range(round(WAIT_S / INTERRUPT_S)):
            self.send("\x03")
            with self._changed:
                if self._changed.wait_for(
                    lambda: re.search(pattern, self.text[self._seen :]), INTERRUPT_S
                ):
                    break
        self.wait_for(pattern)

    def end(self) -> int:
        """Wait for the command's end; return its exit code."""
        code = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        return code

    def close(self) -> None:
        """End the command, however it is."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(WAIT_S)
        os.close(self._ours)

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            try:
                chunk = os.read(self._ours, 1 << 16)
            except OSError:  # the other side is closed
                chunk = b""
            with self._changed:
                self.raw += decoder.decode(chunk, final=not chunk)
                self._changed.notify_all()
            if not chunk:
                return


@pytest.fixture
def terminal_env(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a person at a terminal, in a home of its own."""
    left_out = {"CI", "NO_COLOR", "COLUMNS", "LINES"}
    kept = {name: v for name, v in os.environ.items() if name not in left_out}
    (tmp_path / "home").mkdir()
    here = str(Path(sys.executable).parent)
    return kept | {
        "TERM": "xterm",
        "HOME": str(tmp_path / "home"),
        "PATH": f"{here}{os.pathsep}{kept.get('PATH', '')}",
    }


@pytest.fixture
def terminal(
    tmp_path: Path, terminal_env: dict[str, str]
) -> Iterator[Callable[..., Terminal]]:
    """Start commands on terminals; they are ended with the test."""
    started: list[Terminal] = []

    def start(*command: str, columns: int = 100, **env: str) -> Terminal:
        started.append(
            Terminal(*command, folder=tmp_path, env=terminal_env | env, columns=columns)
        )
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def server(openai_server: Any, tmp_path: Path) -> Iterator[Any]:
    """A server of two models, `a` and `b`: they say the prompt, a word every 20 ms."""
    with openai_server.OpenAIServer() as running:
        lines = "".join(
            f'[[model]]\nalias = "{name}"\nprovider = "litellm"\nid = "openai/echo"\n'
            f'capabilities = ["chat", "streaming"]\n'
            f'options = {{ base_url = "{running.url}", api_key_env = "PLAIN_NAME" }}\n'
            "input_usd_per_million_tokens = 1000.0\n"
            "output_usd_per_million_tokens = 1000.0\n"
            for name in ("a", "b")
        )
        (tmp_path / "llmlab_models.toml").write_text(lines)
        yield running
