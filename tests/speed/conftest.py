"""The modules of benchmarks/speed, which are scripts and no package."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def _scripts_on_path(repository: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository / "benchmarks" / "speed"))
        yield


@pytest.fixture(scope="session")
def latency_server(_scripts_on_path: None) -> ModuleType:
    """The chat server of a fixed latency."""
    return importlib.import_module("latency_server")


@pytest.fixture(scope="session")
def remote(_scripts_on_path: None) -> ModuleType:
    """The command that compares harnesses."""
    return importlib.import_module("remote")


@pytest.fixture(scope="session")
def sides(_scripts_on_path: None) -> ModuleType:
    """What each harness is given."""
    return importlib.import_module("remote_sides")
