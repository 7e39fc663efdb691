"""The cache keeps answers exactly, within its limit, and notices damage."""

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmlab_pytest.cache import Asked, age_of, bytes_of, open_cache
from llmlab_pytest.core import (
    CacheError,
    Completion,
    ConfigError,
    ContinuationLogprob,
    TokenLogprob,
    Usage,
)

ANSWER = Completion(
    text="é\0\ud800 \n",
    model="m",
    continuations=(ContinuationLogprob(-0.1, True, 2),),
    usage=Usage(input_tokens=3, output_tokens=2),
    stop_reason="length",
    latency_s=1.5,
    ttft_s=0.5,
    cost_usd=0.25,
    token_logprobs=(TokenLogprob("a", -0.5),),
    attempts=2,
)
WRITER = """
import sys
from pathlib import Path
from llmlab_pytest.cache import Asked, open_cache
from llmlab_pytest.core import Completion

with open_cache(Path(sys.argv[1])) as cache:
    for number in range(100):
        asked = Asked.of({}, {"prompt": f"{sys.argv[2]}-{number}"}, [])
        cache.put(asked, Completion(text=str(number), model="m"))
"""


def _asked(prompt: str) -> Asked:
    return Asked.of({"id": "m"}, {"kind": "generate", "prompt": prompt}, [])


def test_an_answer_comes_back_as_the_model_gave_it(tmp_path: Path) -> None:
    """Every field returns from the file, NUL and lone surrogates too; others do not."""
    with open_cache(tmp_path) as cache:
        cache.put(_asked("a"), ANSWER)
    with open_cache(tmp_path) as cache:
        assert cache.get(_asked("a")) == ANSWER
        assert cache.get(_asked("b")) is None


def test_workers_write_at_the_same_time(tmp_path: Path) -> None:
    """Three processes lose nothing of each other's."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    with open_cache(tmp_path) as cache:
        assert cache.totals()[0] == 300
        assert cache.damaged() == []


def test_the_limit_drops_what_was_unused_for_longest(tmp_path: Path) -> None:
    """An old answer that is read again stays, a newer one that is not goes."""
    with open_cache(tmp_path) as cache:
        for name in "abcd":
            cache.put(_asked(name), Completion(text=name * 1000, model="m"))
        each = cache.totals()[1] // 4
    _age(tmp_path, hours=1)
    with open_cache(tmp_path, max_bytes=3 * each) as cache:
        assert cache.get(_asked("a")) is not None
    with open_cache(tmp_path) as cache:
        assert cache.get(_asked("a")) is not None
        count, stored_bytes = cache.totals()
        assert count == 2  # down to nine tenths of the limit
        assert stored_bytes <= 3 * each


def test_pruning_by_age_keeps_what_was_used_since(tmp_path: Path) -> None:
    """Only the answer that nobody read for a day goes, and the file shrinks to it."""
    with open_cache(tmp_path) as cache:
        cache.put(_asked("old"), Completion(text="x", model="m"))
    _age(tmp_path, hours=30)
    with open_cache(tmp_path) as cache:
        cache.put(_asked("new"), Completion(text="y", model="m"))
        since = datetime.now(UTC) - timedelta(days=1)
        assert cache.prune(unused_since=since.isoformat(timespec="milliseconds")) == 1
        kept = [entry.asked["request"]["prompt"] for entry in cache.entries()]
        assert kept == ["new"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE answers SET answer = replace(answer, 'e', 'o')",
        "UPDATE answers SET asked = replace(asked, 'e', 'o')",
    ],
    ids=["answer", "asked"],
)
def test_a_damaged_entry_is_found_and_never_handed_out(
    tmp_path: Path, damage: str
) -> None:
    """An answer that was changed in the file is asked again, and then whole."""
    with open_cache(tmp_path) as cache:
        cache.put(_asked("a"), ANSWER)
    with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
        connection.execute(damage)
    connection.close()
    with open_cache(tmp_path) as cache:
        assert cache.get(_asked("a")) is None
        assert [address for address, _ in cache.damaged()] == [_asked("a").address]
        cache.put(_asked("a"), ANSWER)
        assert cache.damaged() == []


def test_a_cache_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    """It is not misread, and the message says what to do."""
    open_cache(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "answers.sqlite")
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(CacheError, match=r"version 9.*--llmlab-cache-dir"):
        open_cache(tmp_path)


def test_sizes_and_ages_are_read_as_people_write_them() -> None:
    """Units of 1000; days, weeks and hours; anything else names its place."""
    assert [bytes_of(text, where="x") for text in ("1GB", "1.5 kb", "7")] == [
        10**9,
        1500,
        7,
    ]
    assert age_of("30d", where="x") == timedelta(days=30)
    assert age_of("2w", where="x") == timedelta(weeks=2)
    with pytest.raises(ConfigError, match="--max-bytes is 'much'"):
        bytes_of("much", where="--max-bytes")
    with pytest.raises(ConfigError, match="--older-than is '30'"):
        age_of("30", where="--older-than")


def _age(folder: Path, *, hours: int) -> None:
    """Make everything in a cache look used that long ago."""
    then = datetime.now(UTC) - timedelta(hours=hours)
    connection = sqlite3.connect(folder / "answers.sqlite")
    with connection:
        query = "UPDATE answers SET used_at = ?"
        connection.execute(query, (then.isoformat(timespec="milliseconds"),))
    connection.close()
