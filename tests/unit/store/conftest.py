"""The same store on both databases: SQLite in a file, PostgreSQL as a real server."""

import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import Completion, Usage
from llmlab_pytest.store import Store, open_store

WAIT_S = 30.0


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """A PostgreSQL server that runs for the tests."""
    if not importlib.util.find_spec("pgserver"):
        pytest.skip("needs a PostgreSQL server: pip install pgserver (Python < 3.13)")
    # Not below pytest's folder: root's server runs as another user, and each pytest
    # that starts anywhere closes that folder to others again.
    with (
        tempfile.TemporaryDirectory(prefix="llmlab-pg-") as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        folder = Path(name)
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        import pgserver

        server = pgserver.get_server(folder / "data", cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


def _wait_for(server: Any) -> str:
    """Return the server's URL once it takes connections; start it again if it is gone.

    On a machine that is busy with other runs it was seen to refuse its first ones.
    """
    import psycopg

    until = time.monotonic() + WAIT_S
    while True:
        try:
            psycopg.connect(server.get_uri()).close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
            server.ensure_postgres_running()
        else:
            return str(server.get_uri())


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    import psycopg

    url = _wait_for(request.getfixturevalue("postgresql"))
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    url = url.replace("postgresql://", "postgresql+psycopg://")
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
