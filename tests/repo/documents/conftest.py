"""Runs the fenced blocks of a Markdown page as one temporary project.

tests/README.md describes the convention for authors. In short: a block whose first
line is `# file: NAME`, or that has `<!-- file: NAME -->` above it, is a file of the
project; other Python blocks are tests or scripts; `sh` blocks run, line by line;
`<!-- skip: REASON -->` and `<!-- command: NAME -->` exempt one block, the latter
because .ci/run runs it; `<!-- exit: N -->` says how the block's last command ends.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

RUN = frozenset({"sh", "python", "toml", "json", "jsonl"})
SHOWN = frozenset({"text", "console", "markdown", "yaml"})
_FENCE = re.compile(
    r"(?P<above>(?:^<!--[^\n]*-->\n)*)^```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_HIDDEN = re.compile(
    r"^<!-- file: (?P<name>\S+)\n(?P<body>.*?)^-->$", re.MULTILINE | re.DOTALL
)
_DIRECTIVE = re.compile(r"<!-- (\w+): (.*?) -->")
_FILE_LINE = re.compile(r"# file: (\S+)\n")
_HAS_TEST = re.compile(r"^(?:async )?def test_|^class Test", re.MULTILINE)
_TEST_FILE = re.compile(r"(test_\w+\.py|task\.toml)$")
_PROGRAMS = ("pytest", "llmlab")
_TIMEOUT_S = 120
_SETTINGS = """[tool.pytest]
filterwarnings = ["error"]
asyncio_default_fixture_loop_scope = "function"
"""


class BlockFailed(AssertionError):
    """A block does not do what the page says."""


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    place: str
    language: str
    body: str
    directives: dict[str, str]

    @property
    def file(self) -> str | None:
        """The name of the file it is, if it is one."""
        first = _FILE_LINE.match(self.body)
        return first.group(1) if first else self.directives.get("file")

    @property
    def content(self) -> str:
        """The body without its file line, which no JSON could hold."""
        return _FILE_LINE.sub("", self.body, count=1)

    @property
    def exit_code(self) -> int:
        """How its last command is to end."""
        return int(self.directives.get("exit", "0"))


def read_blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page, hidden files first."""
    text = page.read_text(encoding="utf-8")
    for match in _HIDDEN.finditer(text):
        name, body = match["name"], match["body"]
        yield Block(_place(page, text, match), "text", body, {"file": name})
    for match in _FENCE.finditer(text):
        directives = dict(_DIRECTIVE.findall(match["above"]))
        place = _place(page, text, match, "language")
        yield Block(place, match["language"], match["body"], directives)


def _place(page: Path, text: str, match: re.Match[str], group: str | int = 0) -> str:
    return f"{page.name}:{text.count(chr(10), 0, match.start(group)) + 1}"


@dataclass
class Project:
    """The temporary project that a page describes."""

    root: Path
    untried: list[str] = field(default_factory=list)
    """Test files that no `pytest` line of the page has run yet."""

    def run(self, block: Block) -> None:
        """Do what a block says.

        Raises:
            BlockFailed: it cannot be done, or ends otherwise than the page says.
        """
        if block.language not in RUN | SHOWN and not block.file:
            msg = f"{block.place}: {block.language!r} is none of {sorted(RUN | SHOWN)}"
            raise BlockFailed(msg)
        if {"skip", "command"} & block.directives.keys():
            return
        _check_syntax(block)
        if block.file:
            self._write(block.file, block.content)
        elif block.language == "sh":
            self._run_lines(block)
        elif block.language == "python":
            self._run_python(block)

    def finish(self, place: str) -> None:
        """Run the test files that the page shows and never runs."""
        if self.untried:
            self._shell(" ".join(["pytest", *self.untried]), place, exit_code=0)
            self.untried.clear()

    def _write(self, name: str, content: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        if _TEST_FILE.search(name) and name not in self.untried:
            self.untried.append(name)

    def _run_lines(self, block: Block) -> None:
        lines = block.content.replace("\\\n", " ").splitlines()
        commands = [line for line in lines if shlex.split(line, comments=True)]
        for index, line in enumerate(commands):
            is_last = index == len(commands) - 1
            expected = block.exit_code if is_last else 0
            if _program(line) not in _PROGRAMS:
                msg = f"{block.place}: {line!r} is no command line of pytest or llmlab"
                raise BlockFailed(msg)
            self._shell(line, block.place, exit_code=expected)
        self.untried.clear()

    def _run_python(self, block: Block) -> None:
        is_test = _HAS_TEST.search(block.content)
        line = block.place.rpartition(":")[2]
        name = f"test_line_{line}.py" if is_test else f"line_{line}.py"
        (self.root / name).write_text(block.content, encoding="utf-8")
        command = "pytest" if is_test else "python"
        self._shell(f"{command} {name}", block.place, exit_code=block.exit_code)

    def _shell(self, line: str, place: str, *, exit_code: int) -> None:
        programs = str(Path(sys.executable).parent)
        path = os.pathsep.join([programs, os.environ.get("PATH", "")])
        result = subprocess.run(
            ["bash", "-c", line],
            cwd=self.root,
            env=os.environ | {"PATH": path, "LLMLAB_MODELS": "scripted"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if result.returncode != exit_code:
            msg = (
                f"{place}: {line!r} ended with {result.returncode}, "
                f"the page says {exit_code}\n{result.stdout}"
            )
            raise BlockFailed(msg)


def _program(line: str) -> str:
    """Return the program of a command line, assignments before it skipped."""
    words = shlex.split(line, comments=True)
    return next((word for word in words if "=" not in word), "")


def _check_syntax(block: Block) -> None:
    try:
        if block.language == "toml":
            tomllib.loads(block.content)
        elif block.language == "json":
            json.loads(block.content)
        elif block.language == "jsonl":
            for line in block.content.splitlines():
                json.loads(line)
    except ValueError as error:
        msg = f"{block.place}: not {block.language}: {error}"
        raise BlockFailed(msg) from error


@pytest.fixture
def run_page(tmp_path: Path) -> Callable[[Path], Project]:
    """Run every block of a page in a fresh project, where warnings are errors."""

    def run(page: Path) -> Project:
        root = tmp_path / page.stem
        root.mkdir()
        (root / "pyproject.toml").write_text(_SETTINGS, encoding="utf-8")
        project = Project(root)
        blocks = list(read_blocks(page))
        for block in blocks:
            project.run(block)
        project.finish(blocks[-1].place if blocks else page.name)
        return project

    return run


@pytest.fixture(scope="session")
def blocks_of() -> Callable[[Path], list[Block]]:
    """Read the blocks of a page without running them."""
    return lambda page: list(read_blocks(page))
