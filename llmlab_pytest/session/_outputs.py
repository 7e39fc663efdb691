"""The files that a user keeps of a run: rendered in parts and written as they come."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from llmlab_pytest.core import LlmlabError, Report
from llmlab_pytest.reporting import (
    TaskSamples,
    render_badge,
    render_csv,
    render_harness,
    render_json,
    render_jsonl,
    render_markdown,
    render_page,
    render_parquet,
)
from llmlab_pytest.session._kept_run import KeptRun

_Renderer = Callable[[Report, Iterable[TaskSamples], Path], Iterable[str | bytes]]
_FILES: Mapping[str, _Renderer] = {
    "--llmlab-json": lambda report, *_: [render_json(report)],
    "--llmlab-html": lambda report, tables, _: render_page(report, tables),
    "--llmlab-csv": lambda report, tables, _: render_csv(report, tables),
    "--llmlab-parquet": lambda report, tables, _: render_parquet(report, tables),
    "--llmlab-samples": lambda report, tables, _: render_jsonl(report, tables),
    "--llmlab-markdown": lambda report, tables, _: render_markdown(report, tables),
    "--llmlab-badge": lambda report, _, path: render_badge(
        report, is_json=path.suffix == ".json"
    ),
}
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
        outputs: path by option; `--llmlab-lm-eval` names a folder.
    """
    written: list[str] = []
    troubles: list[str] = []
    for flag, path in outputs.items():
        try:
            if flag in _FILES:
                _write(path, _FILES[flag](report, run.tables(report), path))
            else:
                for name, text in render_harness(report, run.tables(report)):
                    _write(path / name, text)
        except (OSError, LlmlabError) as error:
            troubles.append(f"{flag} cannot write {str(path)!r}: {error}")
        else:
            written.append(f"{flag} wrote {path}")
    return Outputs(tuple(written), tuple(troubles))


def _write(path: Path, parts: Iterable[str | bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "ab" if os.environ.get(_SUMMARY) == str(path) else "wb"
    with path.open(mode) as file:
        for part in parts:
            file.write(part if isinstance(part, bytes) else _encoded(part))


def _encoded(text: str) -> bytes:
    """Return UTF-8; a lone surrogate becomes its escape, which is also JSON's."""
    return text.encode("utf-8", "backslashreplace")
