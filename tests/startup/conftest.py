"""Runs pytest in a subprocess under a probe that sees imports, files and sockets."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_PROBE = """
import atexit, json, os, sys

written, sockets = [], []
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path, mode, flags = arguments
        if (flags or 0) & WRITING or set(mode or "") & set("wax+"):
            written.append(os.path.abspath(path))
    elif event == "os.mkdir":
        written.append(os.path.abspath(os.fsdecode(arguments[0])))
    elif event.startswith("socket."):
        sockets.append(f"{event} {arguments[1:]!r}")


def report():
    with open(os.environ["STARTUP_PROBE"], "a") as file:
        record = {"modules": sorted(sys.modules), "written": written}
        file.write(json.dumps(record | {"sockets": sockets}) + "\\n")


atexit.register(report)
sys.addaudithook(watch)
"""


@dataclass(frozen=True)
class Run:
    """What one pytest process did."""

    exit_code: int
    output: str
    modules: frozenset[str]
    written: frozenset[str]
    sockets: tuple[str, ...]


class Foreign:
    """A suite that has nothing to do with us, in a directory and home of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root / "suite"
        self.home = root / "home"
        self._probe = root / "probe"
        for folder in (self.root, self.home, self._probe):
            folder.mkdir()
        (self._probe / "sitecustomize.py").write_text(_PROBE, encoding="utf-8")
        self.write("test_one.py", "def test_one():\n    assert 1 + 1 == 2\n")

    def write(self, name: str, text: str) -> None:
        """Add a file to the suite."""
        (self.root / name).write_text(text, encoding="utf-8")

    def run(
        self,
        *arguments: str,
        cwd: Path | None = None,
        env: dict[str, str | None] | None = None,
    ) -> Run:
        """Run pytest there; `None` in `env` removes a variable."""
        record = self._probe / "record.jsonl"
        record.unlink(missing_ok=True)
        variables = os.environ | {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "LLMLAB_CACHE": str(self.home / "llmlab-cache"),
            "PYTHONPATH": str(self._probe),
            "STARTUP_PROBE": str(record),
        }
        changed = variables | (env or {})
        result = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=cwd or self.root,
            env={name: value for name, value in changed.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return _read(record, result.returncode, result.stdout)


def _read(record: Path, exit_code: int, output: str) -> Run:
    """Merge what the process and its children saw."""
    seen = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
    return Run(
        exit_code=exit_code,
        output=output,
        modules=frozenset(name for process in seen for name in process["modules"]),
        written=frozenset(path for process in seen for path in process["written"]),
        sockets=tuple(event for process in seen for event in process["sockets"]),
    )


@pytest.fixture
def foreign(tmp_path: Path) -> Foreign:
    """A foreign suite with one passing test."""
    return Foreign(tmp_path)


@pytest.fixture
def run_alone(foreign: Foreign) -> Callable[[Sequence[str]], Run]:
    """Run the foreign suite without other plugins, whose imports would hide ours."""
    return lambda arguments: foreign.run(
        *arguments, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    )
