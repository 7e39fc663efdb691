"""Bad input of every kind, through a whole pytest run: a clear error, never a score.

The message names the file and line or the option, pytest does not crash, and no
sample of the run counts as a miss.
"""

import json
import sqlite3
from typing import Any

import pytest

CARD = 'prompt = "Capital of {{ country }}?"\nscorers = ["contains_any"]\n'
ROWS = [
    {"id": "fr", "country": "France", "target": "Paris"},
    {"id": "jp", "country": "Japan", "target": "Tokyo"},
]
BEHAVIOUR = "def test_answers(llm):\n    assert llm('What is 2 + 2?').text\n"


class Case:
    """A project with one fault and what its error must name."""

    def __init__(self, files: dict[str, str], *shown: str) -> None:
        self.files = files
        self.shown = shown


def _card(
    *, card: str = CARD, rows: str = "".join(json.dumps(row) + "\n" for row in ROWS)
) -> dict[str, str]:
    return {"capitals.task.toml": card, "capitals.jsonl": rows}


def _rows(*rows: dict[str, str]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


CASES = {
    "malformed-jsonl": Case(
        _card(rows=_rows(ROWS[0]) + '{"id": "jp", \n'), "capitals.jsonl:2"
    ),
    "row-that-is-no-object": Case(
        _card(rows=_rows(ROWS[0]) + "[1, 2]\n"), "capitals.jsonl:2"
    ),
    "missing-field": Case(
        _card(rows=_rows(ROWS[0], {"id": "jp", "target": "Tokyo"})),
        "country",
        "capitals.jsonl:2",
    ),
    "duplicate-id": Case(_card(rows=_rows(*ROWS, ROWS[0])), "capitals.jsonl:3", "'fr'"),
    "empty-dataset": Case(_card(rows=""), "capitals.jsonl"),
    "dataset-that-does-not-exist": Case(
        {"capitals.task.toml": CARD}, "capitals.task.toml"
    ),
    "unknown-scorer": Case(
        _card(card=CARD.replace("contains_any", "contains_amy")),
        "'contains_amy'",
        "'contains_any'",
        "capitals.task.toml",
    ),
    "undefined-variable": Case(
        _card(card=CARD.replace("country", "contry")), "contry", "capitals.task.toml"
    ),
    "template-that-does-not-parse": Case(
        _card(card=CARD.replace("}}", "}")), "capitals.task.toml"
    ),
    "card-with-unknown-key": Case(
        _card(card=CARD + 'scorer = "exact"\n'),
        "'scorer'",
        "'scorers'",
        "capitals.task.toml",
    ),
    "card-that-is-no-toml": Case(_card(card="prompt = \n"), "capitals.task.toml"),
    "gate-that-cannot-be-read": Case(
        _card(card=CARD + 'gate = "accuracy > = 0.8"\n'), "'accuracy > = 0.8'"
    ),
    "gate-on-unknown-metric": Case(
        _card(card=CARD + 'gate = "acuracy >= 0.8"\n'), "'acuracy'", "'accuracy'"
    ),
}


def _write(pytester: pytest.Pytester, files: dict[str, str]) -> None:
    for name, text in files.items():
        (pytester.path / name).write_text(text, encoding="utf-8")


def _run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    options = ["-oasyncio_default_fixture_loop_scope=function", "-pno:cacheprovider"]
    return pytester.runpytest_subprocess("--llm", "scripted", *options, *arguments)


def _unwrapped(result: pytest.RunResult) -> str:
    return " ".join(" ".join(result.outlines + result.errlines).split())


@pytest.mark.parametrize("name", CASES)
def test_bad_file_is_a_clear_error(name: str, pytester: pytest.Pytester) -> None:
    """A faulty card or dataset is an error that names its place and the bad value."""
    case = CASES[name]
    _write(pytester, case.files)
    result = _run(pytester)
    said = _unwrapped(result)
    assert [text for text in case.shown if text not in said] == [], said
    assert "INTERNALERROR" not in said
    assert "failed" not in result.parseoutcomes()
    assert result.ret in (2, 4) or result.parseoutcomes()["errors"] >= 1


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--llm", "smolm2"], ["'smolm2'", "'smollm2'", "--llm"]),
        (["--llm=@lokal"], ["'lokal'", "'local'", "--llm"]),
        (["--llmlab-limit", "many"], ["--llmlab-limit", "'many'"]),
        (["--llmlab-limit", "-1"], ["--llmlab-limit", "'-1'"]),
        (["--llmlab-registry", "none.toml"], ["none.toml", "llmlab_registry"]),
        (["--llmlab-resume", "run-0"], ["--llmlab-resume", "'run-0'"]),
        (["--llmlab-inconclusive", "maybe"], ["--llmlab-inconclusive", "maybe"]),
    ],
    ids=lambda value: value[0] if value[0].startswith("--") else "",
)
def test_bad_option_is_a_usage_error(
    arguments: list[str], shown: list[str], pytester: pytest.Pytester
) -> None:
    """A wrong option ends the run with pytest's usage error, naming the option."""
    _write(pytester, {"test_it.py": BEHAVIOUR})
    result = _run(pytester, *arguments)
    said = _unwrapped(result)
    assert [text for text in shown if text not in said] == [], said
    assert "INTERNALERROR" not in said
    assert "Traceback" not in said
    assert ".py:" not in said  # no line of ours
    assert result.ret in (2, 4), said


def test_resume_that_took_a_path_says_so(pytester: pytest.Pytester) -> None:
    """The option takes the word after it, which may have been meant as a path."""
    _write(pytester, {"test_it.py": BEHAVIOUR})
    result = _run(pytester, "--llmlab-resume", "test_it.py")
    assert "Write the path before --llmlab-resume" in _unwrapped(result)
    assert result.ret in (2, 4)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_store_that_is_none_is_an_error(
    workers: str, pytester: pytest.Pytester
) -> None:
    """A file that is no store is named and left alone, with workers too."""
    _write(pytester, {"test_it.py": BEHAVIOUR, "photo.db": "not a database" * 99})
    result = _run(pytester, "--llmlab-store=photo.db", "-n", workers)
    said = _unwrapped(result)
    assert "photo.db' cannot be used" in said
    assert "--llmlab-store" in said
    assert "INTERNALERROR" not in said
    assert result.ret in (1, 2, 4)
    assert (pytester.path / "photo.db").read_text() == "not a database" * 99


def test_newer_store_is_refused(pytester: pytest.Pytester) -> None:
    """A store of a newer release is left as it is."""
    _write(pytester, {"test_it.py": BEHAVIOUR})
    assert _run(pytester, "--llmlab-store=r.db").ret == 0
    with sqlite3.connect(pytester.path / "r.db") as connection:
        (table,) = connection.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE '%version%'"
        ).fetchone()
        connection.execute(f"UPDATE {table} SET version = 999")  # noqa: S608 -- own table
    connection.close()
    result = _run(pytester, "--llmlab-store=r.db")
    said = _unwrapped(result)
    assert "schema version 999" in said
    assert "--llmlab-store" in said
    assert result.ret != 0
    assert "INTERNALERROR" not in said


def test_locked_store_is_an_error(pytester: pytest.Pytester) -> None:
    """A store that another process holds is waited for, then named in an error."""
    _write(pytester, {"test_it.py": BEHAVIOUR})
    assert _run(pytester, "--llmlab-store=r.db").ret == 0
    pytester.makeconftest(
        "from llmlab_pytest.store import _connect\n_connect.BUSY_TIMEOUT_S = 0.05\n"
    )
    holder = sqlite3.connect(pytester.path / "r.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        result = _run(pytester, "--llmlab-store=r.db")
    finally:
        holder.close()
    said = _unwrapped(result)
    assert "r.db" in said
    assert "locked" in said
    assert result.ret != 0
    assert "INTERNALERROR" not in said


def test_wrong_key_is_an_error_not_a_miss(
    pytester: pytest.Pytester,
    openai_server: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a wrong key every sample ends as an error, and the key is not shown."""
    key = "sk-wrong-0123456789abcdef"
    monkeypatch.setenv("REMOTE_KEY", key)
    _write(pytester, _card(card=CARD + 'gate = "accuracy >= 0.8"\n'))
    with openai_server.OpenAIServer(key="another") as server:
        (pytester.path / "llmlab_models.toml").write_text(
            '[[model]]\nalias = "remote"\nprovider = "litellm"\nid = "openai/echo"\n'
            f'options = {{ base_url = "{server.url}", api_key_env = "REMOTE_KEY" }}\n'
        )
        result = _run(pytester, "--llm=remote")
    said = _unwrapped(result)
    assert "AuthError" in said
    assert "REMOTE_KEY" in said
    assert key not in said
    assert result.parseoutcomes().get("errors", 0) >= len(ROWS)
    assert result.ret == 1
