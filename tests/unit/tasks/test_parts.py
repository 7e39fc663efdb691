"""Datasets with a file for each part, and splits that only the hub identifies."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import ConfigError, DataUnavailable, HashMismatch, digest_of
from llmlab_pytest.tasks import PlannedTask, load_card, plan_task, rows_digest

REVISION = "0123456789abcdef0123456789abcdef01234567"
FILES = {"sums": ["1 + 1?", "1 + 2?"], "words": ["a or an?"]}
ROWS = [{"kind": kind, "input": text} for kind, f in FILES.items() for text in f]
DIGEST = rows_digest(ROWS, ["kind", "input"])
Planning = Callable[..., dict[str, Any]]
HUB = f"""[data.test.hub]
repository = "acme/puzzles"
revision = "{REVISION}"
file = "{{part}}/test.jsonl"
"""


def _card(
    folder: Path, *, digest: bool = True, parts: str = "", hub: str = HUB
) -> Path:
    path = folder / "task.toml"
    path.write_text(
        'name = "puzzles"\nscorers = ["exact"]\n'
        '[data]\nsplit = "test"\nidentity = ["kind", "input"]\n'
        + (parts or 'part_field = "kind"\nparts = ["sums", "words"]\n')
        + '[data.test]\nrows = 3\ndirectory = "puzzles/{part}.json"\n'
        + (f'digest = "{DIGEST}"\n' if digest else "")
        + hub,
        encoding="utf-8",
    )
    return path


def _write(folder: Path, files: dict[str, list[str]]) -> None:
    (folder / "puzzles").mkdir(exist_ok=True)
    for name, texts in files.items():
        content = {"canary": "x", "examples": [{"input": text} for text in texts]}
        (folder / "puzzles" / f"{name}.json").write_text(json.dumps(content))


def _planned(card: Path) -> PlannedTask:
    return plan_task(load_card(card), limit=0, seed=0, data_dir=card.parent)


@pytest.mark.parametrize("digest", [True, False])
def test_parts_are_read_in_order_and_told_apart(tmp_path: Path, digest: bool) -> None:
    """The rows of all files are one split; each says which part it is of."""
    _write(tmp_path, FILES)
    planned = _planned(_card(tmp_path, digest=digest))
    assert [dict(sample.metadata) for sample in planned.samples] == ROWS
    assert planned.data_hash == (DIGEST if digest else digest_of(ROWS))


def test_directory_that_lacks_a_part_is_not_used(tmp_path: Path) -> None:
    """Half a dataset would give another number: the next source is asked."""
    _write(tmp_path, {"sums": FILES["sums"]})
    with pytest.raises(DataUnavailable, match=r"\{part\}\.json does not exist"):
        _planned(_card(tmp_path, hub=""))


def test_swapped_parts_are_refused(tmp_path: Path) -> None:
    """A part is what its file is called: the digest sees an exchange."""
    _write(tmp_path, {"sums": FILES["words"], "words": FILES["sums"]})
    with pytest.raises(HashMismatch, match=DIGEST[:12]):
        _planned(_card(tmp_path))


def test_split_without_digest_is_counted_and_its_digest_kept(tmp_path: Path) -> None:
    """Other rows of the same number pass, and the result tells them apart."""
    card = _card(tmp_path, digest=False)
    _write(tmp_path, {**FILES, "words": ["the or a?"]})
    assert _planned(card).data_hash != digest_of(ROWS)
    _write(tmp_path, {**FILES, "words": ["a or an?", "the or a?"]})
    with pytest.raises(HashMismatch, match="holds 4 rows"):
        _planned(card)


@pytest.mark.parametrize("digest", [True, False])
def test_hub_gives_every_part_once(
    tmp_path: Path, file_server: Any, planned_elsewhere: Planning, digest: bool
) -> None:
    """Each part is a file on the hub; the second run reads the cache."""
    _card(tmp_path, digest=digest)
    base = f"/datasets/acme/puzzles/resolve/{REVISION}"
    files = {
        f"{base}/{name}/test.jsonl": "".join(
            json.dumps({"input": text}) + "\n" for text in texts
        ).encode()
        for name, texts in FILES.items()
    }
    with file_server.FileServer(files) as server:
        for _ in range(2):
            result = planned_elsewhere(tmp_path, {"HF_ENDPOINT": server.url})
            assert result == {"inputs": [row["input"] for row in ROWS]}
        asked = len(server.log)
        planned_elsewhere(tmp_path, {"HF_ENDPOINT": server.url})
        assert len(server.log) == asked


def test_parts_need_the_name_of_their_field(tmp_path: Path) -> None:
    """Without it, rows of two parts could not be told apart."""
    with pytest.raises(ConfigError, match="'part_field' is missing"):
        load_card(_card(tmp_path, parts='parts = ["sums"]\n'))
