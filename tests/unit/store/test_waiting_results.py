"""Results that wait to be written together are never missed by who reads them."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from llmlab_pytest.core import Sample, SampleResult, Score, StoreError
from llmlab_pytest.store import Store, open_store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "llmlab.db"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    with closing(open_store(str(file))) as opened:
        opened.start_run("r", started_at="2026-01-01", factors={})
        yield opened


def keep(store: Store, number: int, *, value: float = 1.0, **options: bool) -> None:
    """Keep the result of a sample."""
    score = Score(scorer="exact", value=value)
    result = SampleResult(
        task="t", model="m", sample_id=f"s{number:03}", scores=(score,)
    )
    sample = Sample(id=result.sample_id, input="?")
    store.record_result("r", result, sample=sample, call_key="k", **options)


def written(file: Path) -> int:
    """Count what another process would find."""
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        found: int = connection.execute(
            text("SELECT count(*) FROM results")
        ).scalar_one()
    engine.dispose()
    return found


def test_the_first_is_written_and_others_wait(store: Store, file: Path) -> None:
    """Only what comes at once after others; however many, not more than a batch."""
    for number in range(300):
        keep(store, number, at_once=False)
    assert 1 <= 300 - written(file) < 64
    time.sleep(0.1)
    keep(store, 300, at_once=False)
    assert written(file) == 301


@pytest.mark.parametrize("by", ["results", "taken", "samples", "counts", "catalogue"])
def test_readers_find_what_waits(store: Store, by: str) -> None:
    """Whatever they read it by."""
    for number in range(10):
        keep(store, number, at_once=False)
    found = {
        "results": lambda: len(store.results("r")),
        "taken": lambda: len(store.taken("r")),
        "samples": lambda: len(store.samples("r", task="t")),
        "counts": lambda: store.sample_counts()[0].results,
        "catalogue": lambda: store.catalogue.totals(["r"])[0].results,
    }
    assert found[by]() == 10


@pytest.mark.parametrize("by", ["settle", "finish", "close", "one at once"])
def test_all_are_written_at_the_end(store: Store, file: Path, by: str) -> None:
    """And with one that may not wait."""
    for number in range(9):
        keep(store, number, at_once=False)
    match by:
        case "settle":
            store.settle()
        case "finish":
            store.finish_run("r", finished_at="2026-01-02")
        case "close":
            store.close()
        case _:
            keep(store, 0, at_once=True)
    assert written(file) == 9


def test_the_last_result_of_a_sample_stays(store: Store) -> None:
    """Also where both waited, and the first had more scores."""
    keep(store, 0, at_once=False)
    two = tuple(Score(scorer=name, value=0.0) for name in ("exact", "f1"))
    result = SampleResult(task="t", model="m", sample_id="s001", scores=two)
    store.record_result("r", result, at_once=False)
    keep(store, 1, at_once=False)
    assert [score.scorer for score in store.results("r")[1].scores] == ["exact"]


def test_what_could_not_be_written_is_not_lost(store: Store, file: Path) -> None:
    """It waits until the store can be written again."""
    keep(store, 0)
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE results RENAME TO elsewhere"))
    for number in (1, 2):
        with pytest.raises(StoreError):
            keep(store, number, at_once=number == 1)
    assert store.plans("r") == []  # what is kept can be read
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO results"))
    engine.dispose()
    keep(store, 3)
    assert len(store.results("r")) == 4
