"""`benchmarks/speed/report.py` writes a real page and says what it took."""

import subprocess
import sys
from pathlib import Path


def test_page_of_a_large_run_is_measured(repository: Path, tmp_path: Path) -> None:
    """Without a browser the page is written all the same, with every sample."""
    script = repository / "benchmarks" / "speed" / "report.py"
    options = ["--samples=200", "--browser=", f"--keep={tmp_path}"]
    done = subprocess.run(
        [sys.executable, script, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("200 samples, "), done.stderr
    assert "opened: no browser found" in done.stdout
    page = (tmp_path / "big.html").read_text("utf-8")
    assert all(f'"s{number:05d}"' in page for number in range(100))
