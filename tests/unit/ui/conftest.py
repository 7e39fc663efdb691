"""A store with runs, and the page of `llmlab ui` served from it."""

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from llmlab_pytest.asking import Asking, Means
from llmlab_pytest.budget import parse_limits
from llmlab_pytest.core import (
    Completion,
    Judgement,
    Sample,
    SampleResult,
    Score,
    Secret,
    TaskPlan,
    Usage,
)
from llmlab_pytest.store import Exchange, Store, open_store
from llmlab_pytest.ui._access import Access
from llmlab_pytest.ui._playground import Playground
from llmlab_pytest.ui._server import Site, serving
from llmlab_pytest.ui._shelf import Shelf

WAIT_S = 30.0
HOSTILE = (
    "</pre></script><script>document.title='owned'</script>"
    "<img src=/owned.png onerror=\"document.title='owned'\"> \x1b[31m \u202e \0 '\"&"
)


class Reply(NamedTuple):
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class Served:
    """A server that runs in a thread of its own, and a client."""

    def __init__(self, site: Site, host: str = "127.0.0.1") -> None:
        self.site = site
        self.port = 0
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._main(),)
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Served":
        """Start, and wait until it listens."""
        self._ended = asyncio.Event()
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self

    def end(self) -> None:
        """End, and wait for that."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        self._loop.close()

    def get(self, path: str, **headers: str) -> Reply:
        """Ask for a page as a browser does that was told its address."""
        return self.ask("GET", path, headers)

    def post(self, path: str, content: Any, **headers: str) -> Reply:
        """Send JSON as the page's own script does."""
        own = {"Origin": self.url, "Content-Type": "application/json"}
        return self.ask("POST", path, {**own, **headers}, json.dumps(content).encode())

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Reply:
        """Send a request whose headers, `Host` among them, may be anything."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.putrequest(method, path, skip_host=True)
            sent = {"Host": f"127.0.0.1:{self.port}", **headers}
            if body is not None:
                sent["Content-Length"] = f"{len(body)}"
            for name, value in sent.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(body)
            reply = connection.getresponse()
            text = reply.read().decode()
            return Reply(reply.status, dict(reply.getheaders()), text)
        finally:
            connection.close()

    async def _main(self) -> None:
        async with serving(self.site, host=self._host, port=0) as port:
            self.port = port
            self._ready.set()
            await self._ended.wait()


class Kept:
    """Writes runs into a store."""

    def __init__(self, path: Path) -> None:
        self.url = str(path)
        self.store: Store = open_store(self.url)

    def run(self, run_id: str, *, day: int = 1, is_finished: bool = True) -> None:
        """Register a run."""
        at = f"2026-11-{day:02d}T10:00:00+00:00"
        self.store.start_run(run_id, started_at=at, factors={"seed": "1234"})
        if is_finished:
            self.store.finish_run(run_id, finished_at=at)

    def plan(self, run_id: str, task: str, model: str, n: int, **more: Any) -> None:
        """Plan a task on a model."""
        plan = TaskPlan(task=task, model=model, planned=n, available=n, **more)
        self.store.plan_task(run_id, plan)

    def result(
        self,
        run_id: str,
        task: str,
        model: str,
        name: str,
        *,
        value: float | None = 1.0,
        said: str = "Paris",
        asked: str = "Capital of France?",
        error: str | None = None,
        cost_usd: float | None = 0.01,
        judgements: tuple[Judgement, ...] = (),
        row: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep a result with what was asked and answered."""
        usage = Usage(input_tokens=11, output_tokens=3)
        key = f"{task}/{model}/{name}"
        completion = Completion(
            text=said, model=model, usage=usage, latency_s=0.5, cost_usd=cost_usd
        )
        turns = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": asked},
        ]
        request = {"kind": "generate", "prompt": turns, "config": {"temperature": 0.0}}
        if error is None:
            exchange = Exchange(task, model, request, completion)
            self.store.record_completions(run_id, {key: exchange})
        score = Score(
            scorer="exact",
            value=value,
            explanation=f"it is {value}",
            judgements=judgements,
        )
        result = SampleResult(
            task=task,
            model=model,
            sample_id=name,
            scores=() if error else (score,),
            error=error,
            usage=usage,
            cost_usd=None if error else cost_usd,
            latency_s=None if error else 0.5,
        )
        sample = Sample(
            id=name, input=asked, target="Paris", metadata=row or {"q": name}
        )
        self.store.record_result(run_id, result, sample=sample, call_key=key)


@pytest.fixture
def hostile() -> str:
    """A text that would run, look like another page, or end what it stands in."""
    return HOSTILE


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A store to be filled."""
    made = Kept(tmp_path / "runs.db")
    yield made
    made.store.close()


SCRIPTS = {
    "careful": """
[[reply]]
pattern = "answer [0-9a-f]+ begins"
text = '{"reason": "it says so", "verdict": "yes"}'

[[reply]]
pattern = "hostile"
text = """
    + json.dumps(HOSTILE).replace("\\u0000", "")
    + """

[[reply]]
pattern = "France"
text = "It is the town of Paris."
""",
    "hasty": """
fallback = "error"

[[reply]]
pattern = "France"
text = "It is the city of Lyon."
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two scripted models, one of which judges."""
    folder = tmp_path / "project"
    folder.mkdir()
    entries = []
    for alias, script in SCRIPTS.items():
        path = folder / f"{alias}.toml"
        path.write_text(script, encoding="utf-8")
        entry = {"alias": alias, "provider": "scripted", "id": str(path)}
        lines = [f"{name} = {json.dumps(value)}" for name, value in entry.items()]
        entries.append("\n".join(["[[model]]", *lines, 'capabilities = ["chat"]']))
    (folder / "llmlab_models.toml").write_text("\n".join(entries), encoding="utf-8")
    return folder


@pytest.fixture
def serve(kept: Kept, project: Path) -> Iterator[Callable[..., Served]]:
    """Serve store and project; ended with the test."""
    started: list[Served] = []

    def start(
        *,
        token: str | None = None,
        url: str | None = None,
        budget: str = "",
        **more: Any,
    ) -> Served:
        secret = None if token is None else Secret(token)
        registry = project / "llmlab_models.toml"
        means = Means(parse_limits(budget, where="here"), kept.url)
        asking = Asking(registry, may_run_commands=False, means=means)
        opened.enter_context(asking)
        site = Site(
            Shelf(url or kept.url),
            Access("127.0.0.1", secret, **more),
            Playground(asking, project),
        )
        started.append(Served(site).start())
        return started[-1]

    with ExitStack() as opened:
        yield start
        for served in started:
            served.end()
            served.site.shelf.close()


@pytest.fixture
def page(serve: Callable[..., Served]) -> Served:
    """The page without a token."""
    return serve()


@pytest.fixture
def remote(
    openai_server: ModuleType, project: Path, serve: Callable[..., Any]
) -> Iterator[Callable[[str], Any]]:
    """Serve a page whose model `remote` is a real server with a price."""

    def start(behaviour: str, **options: Any) -> Any:
        entry = f"""
[[model]]
alias = "remote"
provider = "litellm"
id = "openai/{behaviour}"
options = {{ base_url = "{server.url}" }}
input_usd_per_million_tokens = 1000.0
output_usd_per_million_tokens = 2000.0
"""
        path = project / "llmlab_models.toml"
        path.write_text(path.read_text("utf-8") + entry, encoding="utf-8")
        return serve(**options)

    with openai_server.OpenAIServer() as server:
        start.server = server  # type: ignore[attr-defined]
        yield start
