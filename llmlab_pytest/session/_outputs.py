"""The files that a user keeps of a run: rendered in parts and written as they come."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from llmlab_pytest.core import LlmlabError, Report, load
from llmlab_pytest.reporting import (
    NamedText,
    TaskSamples,
    render_csv,
    render_harness,
    render_inspect,
    render_json,
    render_jsonl,
    render_markdown,
    render_page,
)
from llmlab_pytest.session._kept_run import KeptRun

_Renderer = Callable[[Report, Iterable[TaskSamples]], Iterable[str]]
_FILES: Mapping[str, _Renderer] = {
    "--llmlab-json": lambda report, _: [render_json(report)],
    "--llmlab-html": render_page,
    "--llmlab-csv": render_csv,
    "--llmlab-samples": render_jsonl,
    "--llmlab-markdown": render_markdown,
}
_Folder = Callable[[Report, Iterable[TaskSamples]], Iterable[NamedText]]
_FOLDERS: Mapping[str, _Folder] = {
    "--llmlab-inspect": render_inspect,
    "--llmlab-lm-eval": render_harness,
}
_PARQUET = "--llmlab-parquet"
_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the file of a job's summary, to which each step adds."""


class Outputs(NamedTuple):
    """What became of the files that were asked for."""

    written: tuple[str, ...]
    troubles: tuple[str, ...]
    """One sentence for each option whose file could not be written."""


def write_outputs(run: KeptRun, report: Report, outputs: Mapping[str, Path]) -> Outputs:
    """Write what options ask for; trouble with one file does not stop the others.

    Args:
        run: reads the samples.
        report: the run's report.
        outputs: path by option; some name a folder.
    """
    written: list[str] = []
    troubles: list[str] = []
    for flag, path in outputs.items():
        try:
            _write_one(flag, path, report, run.tables(report))
        except (OSError, LlmlabError) as error:
            troubles.append(f"{flag} cannot write {str(path)!r}: {error}")
        else:
            written.append(f"{flag} wrote {path}")
    return Outputs(tuple(written), tuple(troubles))


def _write_one(
    flag: str, path: Path, report: Report, tables: Iterable[TaskSamples]
) -> None:
    """Write what one option asks for."""
    if flag == _PARQUET:
        load("llmlab_pytest.reporting._parquet:write_parquet")(path, report, tables)
    elif flag in _FILES:
        _write(path, _FILES[flag](report, tables))
    else:
        for name, text in _FOLDERS[flag](report, tables):
            _write(path / name, text)


def _write(path: Path, parts: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "a" if os.environ.get(_SUMMARY) == str(path) else "w"
    # A lone surrogate, which no encoding has, becomes \\udXXX: in JSON its own escape.
    with path.open(
        mode, encoding="utf-8", errors="backslashreplace", newline=""
    ) as file:
        for part in parts:
            file.write(part)
