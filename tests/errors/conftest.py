"""The table of real causes: each provokes one error through the public way to it."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SERVERS = Path(__file__).parents[1] / "servers"


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tests_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def openai_server() -> ModuleType:
    """The module of the OpenAI-compatible test server."""
    return _load(SERVERS / "openai_server.py")


@pytest.fixture
def normalised(tmp_path: Path) -> Callable[[str], str]:
    """Make a message the same on every machine: no temporary or checkout path."""
    places = {str(tmp_path): "<tmp>", str(Path(__file__).parents[2]): "<checkout>"}

    def normalise(text: str) -> str:
        for path, name in places.items():
            text = text.replace(path, name)
        return text

    return normalise
