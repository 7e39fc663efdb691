import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    CAPABILITIES,
    Completion,
    GenerateConfig,
    GenerateRequest,
    Message,
    ModelSpec,
)
from llmlab_pytest.providers import LazyProvider, load_model, provider_registry
from llmlab_pytest.providers._remote_retry import RetryPolicy
from llmlab_pytest.providers._shared_model import SharedModel

NOTED_MODEL = '''
"""A model in a module of its own, as a process can import it; it notes what it does."""

import asyncio
import logging
import os
import signal
import time
from pathlib import Path

from llmlab_pytest import Completion, ProviderError, Usage
from llmlab_pytest.core import ModelError


class Noted:
    def __init__(self, spec):
        self.concurrency = spec.options.get("concurrency", 1)
        self.spec, self.digest = spec, "noted"
        self.batch_size = spec.options.get("batch_size", 8)
        self.folder = Path(spec.options["folder"])
        self.note(f"load {os.getpid()}")
        time.sleep(spec.options.get("load_s", 0))
        logging.getLogger("noted").warning("loaded %s", spec.alias)
        if reason := spec.options.get("refuses"):
            raise {"model": ModelError, "odd": ZeroDivisionError}[reason]("no weights")
        if spec.options.get("dies_loading"):
            os.kill(os.getpid(), signal.SIGKILL)

    def note(self, text):
        with (self.folder / "notes.txt").open("a") as file:
            file.write(text + "\\n")

    async def run_each(self, requests, deliver):
        self.note("batch " + " ".join(request.prompt for request in requests))
        for index, request in enumerate(requests):
            await asyncio.sleep(self.spec.options.get("step_s", 0.001))
            self.act(request.prompt)
            deliver(index, self.answer(request.prompt))

    def act(self, prompt):
        if prompt.startswith("bad"):
            raise ProviderError("a bad prompt")
        if prompt.startswith("odd"):
            raise ZeroDivisionError("an odd prompt")
        if prompt.startswith("warn"):
            logging.getLogger("noted").warning("about %s", prompt)
        if prompt.startswith("deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        if prompt.startswith("abort"):
            os.write(2, b"GGML_ASSERT: too small\\n")
            os.abort()
        if prompt.startswith("once") and not (self.folder / prompt).exists():
            (self.folder / prompt).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    async def run(self, requests):
        answered = {}
        await self.run_each(requests, answered.__setitem__)
        return [answered[index] for index in range(len(requests))]

    def answer(self, prompt):
        return Completion(
            text=prompt[::-1],
            model=self.spec.alias,
            usage=Usage(input_tokens=len(prompt)),
            stop_reason="stop",
            latency_s=0.0,
            cost_usd=0.0,
        )

    def close(self):
        pass
'''
WORKER = """
import asyncio, json, os, sys
from pathlib import Path
from llmlab_pytest.core import (
    CAPABILITIES,
    Completion,
    GenerateConfig,
    GenerateRequest,
    Message,
    ModelSpec,
)
from llmlab_pytest.providers import LazyProvider, load_model, provider_registry
from llmlab_pytest.providers._remote_retry import RetryPolicy
from llmlab_pytest.providers._shared_model import SharedModel

options = json.loads(os.environ["SPEC"])
spec = ModelSpec(alias="noted", provider="noted", id="noted", options=options)
provider = LazyProvider("noted_model:Noted", is_shared=True)
model = SharedModel(spec, provider, folder=Path(os.environ["RUN_FOLDER"]))
answers = asyncio.run(model.run([GenerateRequest(p) for p in sys.argv[1:]]))
print(*(answer.text for answer in answers), flush=True)
"""


@dataclass
class Bench:
    """A provider that another process can import, and what its models noted."""

    folder: Path
    """Of the provider's module and its notes."""
    run_folder: Path
    """What the workers of one run share; it is made by the first of them."""
    models: list[Any] = field(default_factory=list)

    def spec(self, **options: object) -> ModelSpec:
        """Return a model of the provider."""
        return ModelSpec(
            alias="noted",
            provider="noted",
            id="noted",
            options={"folder": str(self.folder), **options},
        )

    def connect(self, **options: object) -> Any:
        """Return the shared model as one worker has it."""
        provider = LazyProvider("noted_model:Noted", is_shared=True)
        model = SharedModel(self.spec(**options), provider, folder=self.run_folder)
        self.models.append(model)
        return model

    def notes(self, word: str) -> list[str]:
        """Return what models noted under a word: `load` or `batch`."""
        file = self.folder / "notes.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.partition(" ")[2] for line in lines if line.startswith(word)]

    def pids(self) -> list[int]:
        """Return the processes that loaded a model, in order."""
        return [int(text) for text in self.notes("load")]

    def start_worker(self, *prompts: str, **options: object) -> "subprocess.Popen[str]":
        """Start a process that asks the shared model and prints the texts."""
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, *prompts],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(self.folder), *sys.path]),
                "SPEC": json.dumps({"folder": str(self.folder), **options}),
                "RUN_FOLDER": str(self.run_folder),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def texts(model: Any, *prompts: str) -> list[str]:
        """Ask, and return the texts in order."""
        requests = [GenerateRequest(prompt) for prompt in prompts]
        return [done.text for done in asyncio.run(model.run(requests))]

    @staticmethod
    def is_running(pid: int) -> bool:
        """Whether a process runs; one that is dead and not yet collected does not."""
        try:
            os.kill(pid, 0)
            status = Path(f"/proc/{pid}/stat").read_text()
        except (ProcessLookupError, FileNotFoundError):
            return False
        return status.rpartition(")")[2].split()[0] != "Z"

    @staticmethod
    def wait_until(ready: Callable[[], bool], *, limit_s: float = 20) -> None:
        """Wait for what another process does."""
        end = time.monotonic() + limit_s
        while not ready():
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.02)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A place for shared models; whatever a failed test leaves is ended."""
    (tmp_path / "noted_model.py").write_text(NOTED_MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    base = Path(tempfile.mkdtemp(prefix="llmlab-test-", dir="/tmp"))
    bench = Bench(tmp_path, base / "run")
    yield bench
    for model in bench.models:
        model.close()
    for pid in bench.pids():
        if pid != os.getpid():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # it would end, a second later
    # How it ended is noted there meanwhile.
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def server(openai_server: Any) -> Iterator[Any]:
    """A running server that speaks OpenAI's protocol."""
    with openai_server.OpenAIServer() as running:
        yield running


@pytest.fixture
def answer() -> Callable[..., Completion]:
    """Load a model, ask it one question and close it."""

    def ask(spec: ModelSpec, text: str = "Hi") -> Completion:
        model = load_model(spec, provider_registry())

        async def answered() -> Completion:
            try:
                request = GenerateRequest((Message("user", text),))
                return (await model.run([request]))[0]
            finally:
                model.close()
                await asyncio.sleep(0)

        return asyncio.run(answered())

    return ask


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide what your environment says of OpenAI."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run one event loop in a thread, as the engine does."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever)
    thread.start()
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join()
    running.close()


@pytest.fixture
def ask_vendor(
    loop: asyncio.AbstractEventLoop,
) -> Iterator[Callable[..., Callable[..., Completion]]]:
    """Return a way to ask a vendor's model; its prompt is a text or turns."""
    models: list[Any] = []

    def of_model(model_id: str, **options: Any) -> Callable[..., Completion]:
        spec = ModelSpec(
            alias="m",
            provider="litellm",
            id=model_id,
            source="models.toml:3",
            capabilities=frozenset(CAPABILITIES) - {"completion"},
            options=options,
        )

        def ask(
            prompt: Any, *, first_wait_s: float = 0.01, **config: Any
        ) -> Completion:
            model: Any = load_model(spec, provider_registry())
            models.append(model)
            model._retry = RetryPolicy(first_wait_s=first_wait_s)
            turns = prompt if isinstance(prompt, tuple) else (Message("user", prompt),)
            request = GenerateRequest(turns, GenerateConfig(**config))
            running = model.run([request])
            return asyncio.run_coroutine_threadsafe(running, loop).result(20)[0]

        return ask

    yield of_model
    for model in models:
        model.close()
