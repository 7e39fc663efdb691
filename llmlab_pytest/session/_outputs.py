"""The files that a user keeps of a run: rendered in parts and written as they come."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from llmlab_pytest.core import LlmlabError, Report, load
from llmlab_pytest.reporting import (
    NamedText,
    SideBySide,
    TaskSamples,
    render_badge,
    render_csv,
    render_harness,
    render_inspect,
    render_json,
    render_jsonl,
    render_markdown,
    render_page,
)
from llmlab_pytest.session._kept_run import KeptRun

_Renderer = Callable[["_Parts"], Iterable[str]]
_FILES: Mapping[str, _Renderer] = {
    "--llmlab-json": lambda run: [render_json(run.report, run.beside)],
    "--llmlab-html": lambda run: render_page(run.report, run.tables, run.beside),
    "--llmlab-csv": lambda run: render_csv(run.report, run.tables),
    "--llmlab-samples": lambda run: render_jsonl(run.report, run.tables),
    "--llmlab-markdown": lambda run: render_markdown(
        run.report, run.tables, run.beside
    ),
    "--llmlab-badge": lambda run: render_badge(
        run.report, is_json=run.path.suffix == ".json"
    ),
}
_Folder = Callable[[Report, Iterable[TaskSamples]], Iterable[NamedText]]
_FOLDERS: Mapping[str, _Folder] = {
    "--llmlab-inspect": render_inspect,
    "--llmlab-lm-eval": render_harness,
}
_PARQUET = "--llmlab-parquet"
_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the file of a job's summary, to which each step adds."""


class _Parts(NamedTuple):
    """What a file may be rendered from."""

    report: Report
    tables: Iterable[TaskSamples]
    beside: SideBySide | None
    """Models side by side, where there are several."""
    path: Path
    """Of the file: its ending may say how."""


class Outputs(NamedTuple):
    """What a run leaves beside its report."""

    written: tuple[str, ...]
    troubles: tuple[str, ...]
    """One sentence for each option whose file could not be written."""
    beside: SideBySide | None = None
    """Models side by side, where there are several."""


def write_outputs(run: KeptRun, report: Report, outputs: Mapping[str, Path]) -> Outputs:
    """Set models side by side and write what options ask for.

    Trouble with one file does not stop the others.

    Args:
        run: reads the samples.
        report: the run's report.
        outputs: path by option; some name a folder.
    """
    written: list[str] = []
    troubles: list[str] = []
    beside = None
    try:
        beside = run.side_by_side()
    except LlmlabError as error:
        troubles.append(f"Models cannot be set side by side: {error}")
    for flag, path in outputs.items():
        try:
            _write_one(flag, _Parts(report, run.tables(report), beside, path))
        except (OSError, LlmlabError) as error:
            troubles.append(f"{flag} cannot write {str(path)!r}: {error}")
        else:
            written.append(f"{flag} wrote {path}")
    return Outputs(tuple(written), tuple(troubles), beside)


def _write_one(flag: str, run: _Parts) -> None:
    """Write what one option asks for."""
    path, report, tables = run.path, run.report, run.tables
    if flag == _PARQUET:
        load("llmlab_pytest.reporting._parquet:write_parquet")(path, report, tables)
    elif flag in _FILES:
        _write(path, _FILES[flag](run))
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
