"""`llmlab cache` shows, checks and removes cached answers."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from llmlab_pytest.cache import Asked, open_cache
from llmlab_pytest.commands import main
from llmlab_pytest.core import Completion


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache with two answers of one model and one of another."""
    with open_cache(tmp_path) as cache:
        for id_, prompt in (("a", "first"), ("a", "second"), ("b", "third")):
            request = {"kind": "generate", "prompt": prompt}
            asked = Asked.of({"provider": "litellm", "id": id_}, request, [])
            cache.put(asked, Completion(text=f"to the {prompt}", model="m"))
    return tmp_path


def test_info_counts_by_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All answers, then those of each model."""
    assert main(["cache", "info", "--dir", str(folder)]) == 0
    first, *models = capsys.readouterr().out.splitlines()
    assert ": 3 answers" in first
    assert [(m.split()[0], m.split()[-1]) for m in models] == [
        ("2", "litellm:a"),
        ("1", "litellm:b"),
    ]


def test_list_shows_question_and_answer_without_secrets(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line each; the value of a key is hidden wherever it stands."""
    monkeypatch.setenv("MY_API_KEY", "to the third")
    assert main(["cache", "list", "--dir", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert any(line.endswith("first  to the first") for line in lines)
    assert any(line.endswith("third  [redacted]") for line in lines)


def test_verify_finds_damage_and_prune_removes_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 while an entry is damaged, 0 when it is gone."""
    command = ["cache", "verify", "--dir", str(folder)]
    assert main(command) == 0
    connection = sqlite3.connect(folder / "answers.sqlite")
    with connection:
        connection.execute(
            "UPDATE answers SET answer = replace(answer, 'to the first', 'no')"
        )
    connection.close()
    assert main(command) == 1
    assert "3 answers, 1 damaged" in capsys.readouterr().out
    assert main(["cache", "prune", "--dir", str(folder)]) == 0
    assert "1 answers removed, 2 left" in capsys.readouterr().out
    assert main(command) == 0


def test_prune_takes_a_size_and_an_age(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is a day old; no bytes means no answers."""
    prune = ["cache", "prune", "--dir", str(folder)]
    assert main([*prune, "--older-than", "1d", "--max-bytes", "1MB"]) == 0
    assert "0 answers removed, 3 left" in capsys.readouterr().out
    assert main([*prune, "--max-bytes", "0"]) == 0
    assert "3 answers removed, 0 left" in capsys.readouterr().out


def test_a_wrong_size_and_a_missing_cache_are_explained(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and what to write instead; looking makes no cache."""
    assert main(["cache", "prune", "--dir", str(folder), "--max-bytes", "lots"]) == 2
    assert "--max-bytes is 'lots'" in capsys.readouterr().err
    missing = folder / "none"
    assert main(["cache", "info", "--dir", str(missing)]) == 2
    assert "There is no cache in" in capsys.readouterr().err
    assert not missing.exists()


def test_the_command_starts_light() -> None:
    """Neither pytest nor SQLAlchemy nor a model library is loaded by its help."""
    code = (
        "import sys; from llmlab_pytest.commands import main\n"
        "try: main(['cache', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pytest', 'sqlalchemy', 'litellm', 'torch', 'transformers'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "prune" in done.stdout
