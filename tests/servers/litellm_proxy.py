"""litellm's own proxy, and llama.cpp's own server for it to stand in front of.

Both are the real programs, started as users start them. They need 50 packages that
nothing else here needs, so they run in an environment of their own, on top of the one
that runs the tests: litellm, llama.cpp and all that is pinned for both is the same.
"""

import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

REQUIREMENTS = Path("tests", "live", "litellm-proxy-requirements.txt")
ENVIRONMENT = Path(".venv-litellm-proxy")
KEY = "sk-the-master-key-of-a-test"
_START_LIMIT_S = 90
_STOP_LIMIT_S = 10
_MADE = "made-of.txt"
_OWN_SETTINGS = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else both fetch files from GitHub
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",  # else it reads .env files
}


_LLAMA_SERVER = """
import runpy, llama_cpp.llama_cpp as native
defaults = native.llama_model_default_params
def parameters():
    chosen = defaults()
    chosen.use_extra_bufts = False
    return chosen
native.llama_model_default_params = parameters
runpy.run_module("llama_cpp.server", run_name="__main__")
"""
"""llama.cpp's own server, without what GCC 12 compiles wrongly on processors with AMX:
see `providers/_llamacpp_native.py`."""


class NoEnvironment(Exception):
    """The packages cannot be installed; says why."""


def proxy_python(repository: Path) -> Path:
    """Return the interpreter that has the proxy, made once per set of pins.

    Raises:
        NoEnvironment: the package index cannot be reached, or lacks a package.
    """
    folder = repository / ENVIRONMENT
    pins = (repository / REQUIREMENTS).read_text(encoding="utf-8")
    below = sysconfig.get_path("purelib")
    made_of = hashlib.sha256(f"{sys.version} {below} {pins}".encode()).hexdigest()
    python = folder / "bin" / "python"
    with FileLock(f"{folder}.lock"):
        note = folder / _MADE
        if not note.is_file() or note.read_text(encoding="utf-8") != made_of:
            _make(folder, below=below, requirements=repository / REQUIREMENTS)
            note.write_text(made_of, encoding="utf-8")
    return python


def _make(folder: Path, *, below: str, requirements: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--retries", "1"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--requirement", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoEnvironment(done.stderr.strip().rpartition("\n")[2])
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run(
        [python, "-c", where], capture_output=True, text=True, check=True
    )
    # Searched after its own packages: what both have, it takes from its own.
    Path(site.stdout.strip(), "below.pth").write_text(f"{below}\n", encoding="utf-8")


@contextmanager
def llama_server(
    python: Path, weights: Path, *, folder: Path, tells_logprobs: bool = False
) -> Iterator[str]:
    """Serve a GGUF file under the name `smol`; yield the base URL, ending in `/v1`."""
    port = _free_port()
    words = ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", "2048"]
    words += ["--model", str(weights), "--model_alias", "smol"]
    words += ["--flash_attn", "true"]  # llama.cpp's own default, and so our provider's
    words += ["--logits_all", "true"] if tells_logprobs else []
    command = [str(python), "-c", _LLAMA_SERVER, *words]
    url = f"http://127.0.0.1:{port}/v1"
    with _running(command, ready=f"{url}/models", log=folder / "llama.log"):
        yield url


@contextmanager
def litellm_proxy(
    python: Path, models: Sequence[Mapping[str, Any]], *, folder: Path
) -> Iterator[str]:
    """Serve models of other servers; yield the address, without a path.

    Args:
        python: the interpreter that has the proxy.
        models: entries of its `model_list`.
        folder: for its configuration and its log.
    """
    settings = {
        "model_list": models,
        "litellm_settings": {"telemetry": False},
        "general_settings": {"master_key": KEY},
        "router_settings": {
            "num_retries": 0,
            # Else one failure of a model is a 429 for everyone for 5 seconds.
            "disable_cooldowns": True,
            "optional_pre_call_checks": ["enforce_model_rate_limits"],
        },
    }
    config = folder / "proxy.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")  # which is YAML too
    port = _free_port()
    words = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    command = [str(python), "-m", "litellm.proxy.proxy_cli", *words]
    url = f"http://127.0.0.1:{port}"
    with _running(command, ready=f"{url}/health/readiness", log=folder / "proxy.log"):
        yield url


@contextmanager
def _running(command: list[str], *, ready: str, log: Path) -> Iterator[None]:
    """Run a server until the block ends; it begins when the address answers."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            env=kept | _OWN_SETTINGS,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(ready, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError):
            if _status(address) == HTTPStatus.OK:
                return
        time.sleep(0.1)
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    msg = f"{address} does not answer:\n{said}"
    raise RuntimeError(msg)


def _status(address: str) -> int:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
