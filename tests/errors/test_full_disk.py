"""A disk that is full in the middle of a run: stop, say so, keep what is kept."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROWS = 300


def _full_after_600_kb() -> None:
    """Let no file grow further; SQLite sees the error of a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))


def _run(folder: Path, *arguments: str, full: bool) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--llm", "scripted", *arguments]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:asyncio"],
        cwd=folder,
        preexec_fn=_full_after_600_kb if full else None,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_full_disk_stops_the_run_and_resume_finishes_it(
    tmp_path: Path, workers: str
) -> None:
    """Nothing is judged that was not kept; with space again the run goes on."""
    card = 'prompt = "{{ text }}"\nscorers = ["contains_any"]\ngate = "accuracy >= 0"\n'
    rows = [{"id": f"r{n}", "text": "x" * 3000, "target": "a"} for n in range(ROWS)]
    (tmp_path / "big.task.toml").write_text(card)
    (tmp_path / "big.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))

    cut = _run(tmp_path, "-n", workers, full=True)
    assert cut.returncode == pytest.ExitCode.INTERRUPTED
    assert "llmlab cannot keep results" in cut.stdout
    assert "Free space" in cut.stdout
    assert "INTERNALERROR" not in cut.stdout + cut.stderr
    assert " of 300" in cut.stdout  # the table shows how far it came
    assert "failed" not in cut.stdout.splitlines()[-1]

    done = _run(tmp_path, "-n", workers, "--llmlab-resume", full=False)
    assert done.returncode == pytest.ExitCode.OK
    assert f"1 passed, {ROWS} miss" in done.stdout
