"""The layout drawn in pyproject.toml is the layout of the imports."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any


def _contracts(repository: Path) -> list[dict[str, Any]]:
    with (repository / "pyproject.toml").open("rb") as file:
        contracts: list[dict[str, Any]] = tomllib.load(file)["tool"]["importlinter"][
            "contracts"
        ]
    return contracts


def test_imports_keep_to_the_layers(repository: Path) -> None:
    """Every import contract holds."""
    beside = str(Path(sys.executable).parent)
    command = shutil.which("lint-imports", path=beside) or "lint-imports"
    result = subprocess.run(
        [command, "--no-cache"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_contracts_excuse_no_import(repository: Path) -> None:
    """No contract carries exceptions, and the layers name every room."""
    contracts = _contracts(repository)
    excused = [c["name"] for c in contracts if c.get("ignore_imports")]
    layers = [c for c in contracts if c["type"] == "layers"]
    assert excused == []
    assert [c["exhaustive"] for c in layers] == [True]


def test_rooms_have_no_grab_bags(repository: Path) -> None:
    """No module is called utils, helpers, common, misc or base: a name says what."""
    banned = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
    package = repository / "llmlab_pytest"
    found = [p.name for p in package.rglob("*.py") if p.stem.strip("_") in banned]
    assert found == []
