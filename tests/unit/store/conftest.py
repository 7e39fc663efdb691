"""The same store on both databases: SQLite in a file, PostgreSQL as a real server."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmlab_pytest.core import Completion, Usage
from llmlab_pytest.store import Store, open_store


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server that runs for the tests."""
    if not importlib.util.find_spec("pgserver"):
        pytest.skip("needs a PostgreSQL server: pip install pgserver (Python < 3.13)")
    folder = tmp_path_factory.mktemp("pg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        import pgserver

        server = pgserver.get_server(folder / "data", cleanup_mode="stop")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    import psycopg

    url: str = request.getfixturevalue("postgresql")
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open, empty store."""
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def completion() -> Callable[..., Completion]:
    """Make a completion; fields are keywords."""

    def make(text: str = "Paris", **fields: object) -> Completion:
        base = {
            "model": "m",
            "usage": Usage(input_tokens=3, output_tokens=1),
            "stop_reason": "stop",
        }
        return Completion(text=text, **{"latency_s": 0.5, **base, **fields})  # type: ignore[arg-type]

    return make
