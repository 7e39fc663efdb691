"""The package's source, parsed once for every test that reads it."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "llmlab_pytest"


@dataclass(frozen=True)
class Source:
    """One Python file of the package."""

    path: Path
    module: str
    text: str
    tree: ast.Module

    def place(self, node: ast.AST) -> str:
        """Return `room/_file.py:12` for messages."""
        return f"{self.short}:{getattr(node, 'lineno', 1)}"

    @property
    def short(self) -> str:
        """Return the path below the package."""
        return self.path.as_posix().partition(f"/{PACKAGE}/")[2]


def _read(path: Path, root: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    parts = path.relative_to(root).with_suffix("").parts
    module = ".".join(parts).removesuffix(".__init__")
    return Source(path, module, text, ast.parse(text, filename=str(path)))


@pytest.fixture(scope="session")
def sources(repository: Path) -> list[Source]:
    """Every Python file of the package, in the order of their paths."""
    package = repository / PACKAGE
    return [_read(path, repository) for path in sorted(package.rglob("*.py"))]
