"""Stores that cannot be used: what is said, and that no secret is."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from llmlab_pytest.core import Completion, SampleResult, Score, Share, StoreError
from llmlab_pytest.store import Exchange, Store, _connect, open_store
from llmlab_pytest.store._schema import MIGRATIONS


def said_by(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        open_store(url)
    return str(caught.value)


def test_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    """A file that is no database is named and not touched."""
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but long enough to have a header" * 10)
    before = file.read_bytes()
    said = said_by(str(file))
    assert "notes.txt" in said
    assert "not a database" in said
    assert "--llmlab-store" in said
    assert file.read_bytes() == before


def test_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older release does not write into a newer store."""
    file = tmp_path / "r.db"
    open_store(str(file)).close()
    connection = sqlite3.connect(file)
    connection.execute("UPDATE schema_version SET version = 99")
    connection.commit()
    connection.close()
    said = said_by(str(file))
    assert "schema version 99" in said
    assert f"up to {len(MIGRATIONS)}" in said


def test_store_of_the_first_release_gets_weights_and_shares(tmp_path: Path) -> None:
    """Scores of before weigh 1 and have no share; from now on they may have both."""
    file = tmp_path / "r.db"
    result = SampleResult(
        task="t", model="m", sample_id="s", scores=(Score(scorer="a", value=1.0),)
    )
    store = open_store(str(file))
    store.record_result("r", result)
    store.close()
    connection = sqlite3.connect(file)
    connection.execute("ALTER TABLE scores DROP COLUMN weight")
    connection.execute("ALTER TABLE scores DROP COLUMN share")
    connection.execute("UPDATE schema_version SET version = 1")
    connection.commit()
    connection.close()
    store = open_store(str(file))
    assert store.results("r") == [result]
    share = Share("f1", (1.0, 0.0, 0.0, 0.0))
    new = SampleResult(
        task="t",
        model="m",
        sample_id="n",
        scores=(Score(scorer="a", value=0.5, weight=2.0, share=share),),
    )
    store.record_result("r", new)
    assert new in store.results("r")
    store.close()


def test_locked_store_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that stays is an error after the time limit, not a hang."""
    file = tmp_path / "r.db"
    open_store(str(file)).close()
    monkeypatch.setattr(_connect, "BUSY_TIMEOUT_S", 0.05)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    said = said_by(str(file))
    holder.close()
    assert "locked" in said
    assert "Another process holds it" in said


def test_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    """A path that cannot be created is named."""
    (tmp_path / "file").write_text("")
    assert "file/r.db" in said_by(str(tmp_path / "file" / "r.db"))


def fill(store: Store, completion: Completion, kept: list[str]) -> None:
    for key in map(str, range(1000)):
        store.record_completions("r", {key: Exchange("t", "m", {}, completion)})
        kept.append(key)


def test_full_disk_is_an_error_and_keeps_the_rest(
    tmp_path: Path, completion: Callable[..., Completion]
) -> None:
    """SQLite's own error of a full disk is explained; earlier rows stay readable."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 60")

    event.listen(Engine, "connect", limit)
    try:
        store = open_store(str(tmp_path / "r.db"))
        kept: list[str] = []
        with pytest.raises(StoreError, match=r"full.*Free space"):
            fill(store, completion("x" * 2000), kept)
        assert kept
        assert all(store.completion("r", key) for key in kept)
        store.close()
    finally:
        event.remove(Engine, "connect", limit)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nosuchdb://x/y", "postgresql]"),
        ("postgresql+psycopg://", "--llmlab-store"),
        ("://", "postgresql+psycopg://"),
    ],
)
def test_wrong_url_says_what_is_possible(url: str, shown: str) -> None:
    """A URL that leads nowhere names what to write."""
    assert shown in said_by(url)


def test_password_is_never_shown() -> None:
    """A server that does not answer is named without its password."""
    url = "postgresql+psycopg://me:hunter2-secret@127.0.0.1:1/db?connect_timeout=2"
    said = said_by(url)
    assert "hunter2" not in said
    assert "127.0.0.1" in said
