"""Recording and replaying beside a run's own journal."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from llmlab_pytest.cassettes import CassetteFolder
from llmlab_pytest.core import (
    Completion,
    GenerateRequest,
    ModelSpec,
    NotRecorded,
    ProviderTimeout,
)
from llmlab_pytest.engine import Answered, Asker, Call
from llmlab_pytest.session._cassette_journals import RecordingJournal, ReplayJournal
from llmlab_pytest.session._journal import StoreJournal
from llmlab_pytest.store import Store, open_store

SPEC = ModelSpec(alias="mine", provider="acme", id="x")
ANSWER = Completion(text="Paris", model="mine", latency_s=1.5, cost_usd=0.25)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with the run `r`."""
    with closing(open_store(f"{tmp_path}/s.db")) as store:
        store.start_run("r", started_at="2026-11-25", factors={})
        yield store


def _journal(store: Store, *, resume: bool = False) -> StoreJournal:
    return StoreJournal(store, run_id="r", resume=resume)


def _call(item: str = "fr") -> Call:
    return Call(
        key=f"key of {item}",
        spec=SPEC,
        build=lambda: GenerateRequest(item),
        owner="capitals",
        asker=Asker(item),
    )


def test_a_resumed_answer_is_recorded(store: Store, tmp_path: Path) -> None:
    """A run that is resumed with `--llmlab-record` leaves the whole folder."""
    _journal(store).record([Answered(_call(), ANSWER)])
    folder = CassetteFolder(tmp_path / "cassettes")
    recording = RecordingJournal(_journal(store, resume=True), folder)
    assert recording.lookup(_call("jp")) is None
    assert folder.files() == []
    found = recording.lookup(_call())
    assert found is not None
    assert found.resumed
    replayed = ReplayJournal(_journal(store), folder).lookup(_call())
    assert (replayed.text, replayed.resumed) == ("Paris", False)
    assert replayed.original is not None
    assert (replayed.original.latency_s, replayed.original.cost_usd) == (1.5, 0.25)


def test_a_replayed_answer_recorded_elsewhere_keeps_what_it_took(
    store: Store, tmp_path: Path
) -> None:
    """Resuming a replay as a recording: latency and price are those of the model."""
    first, second = (CassetteFolder(tmp_path / name) for name in ("first", "second"))
    RecordingJournal(_journal(store), first).record([Answered(_call(), ANSWER)])
    ReplayJournal(_journal(store), first).lookup(_call())
    RecordingJournal(_journal(store, resume=True), second).lookup(_call())
    [file] = first.files()
    assert second.files() == [file]
    one, other = ((folder.path / file).read_bytes() for folder in (first, second))
    assert one == other


def test_errors_are_kept_in_the_run_only(store: Store, tmp_path: Path) -> None:
    """No file says that yesterday's server was slow."""
    folder = CassetteFolder(tmp_path / "cassettes")
    recording = RecordingJournal(_journal(store), folder)
    recording.record_error(_call(), ProviderTimeout("slow", fix="Wait."))
    assert folder.files() == []
    with pytest.raises(NotRecorded, match="models with answers there: none"):
        ReplayJournal(_journal(store), folder).lookup(_call())


def test_a_resumed_replay_keeps_what_the_run_has(store: Store, tmp_path: Path) -> None:
    """An answer that was edited meanwhile counts in the next run, not in this one."""
    folder = CassetteFolder(tmp_path / "cassettes")
    RecordingJournal(_journal(store), folder).record([Answered(_call(), ANSWER)])
    ReplayJournal(_journal(store), folder).lookup(_call())
    path = folder.path / folder.files()[0]
    text = path.read_text("utf-8")
    path.write_text(text.replace("Paris", "Lyon"), encoding="utf-8")
    resumed = ReplayJournal(_journal(store, resume=True), folder).lookup(_call())
    assert (resumed.text, resumed.resumed) == ("Paris", True)
    assert ReplayJournal(_journal(store), folder).lookup(_call()).text == "Lyon"
