"""`pytest --llmlab-report`: an earlier run out of the store, and nothing is run."""

import pytest

from llmlab_pytest.collecting._terminal_width import width_of
from llmlab_pytest.core import LlmlabError, Report
from llmlab_pytest.reporting import render_side_summary, render_terminal
from llmlab_pytest.session import Outputs, report_of_kept_run


def report_kept_run(config: pytest.Config) -> int:
    """Show an earlier run, write the files that are asked for, return the exit code.

    Tests, workers and capturing are never started. Raises `pytest.UsageError` when the
    store does not hold the run, or an option is wrong.
    """
    try:
        report, outputs = report_of_kept_run(config)
    except LlmlabError as error:
        raise pytest.UsageError(str(error)) from error
    terminal = pytest.TerminalReporter(config)
    for trouble in outputs.troubles:
        terminal.write_line(trouble, red=True)
    show_report(terminal, report, outputs)
    return pytest.ExitCode.USAGE_ERROR if outputs.troubles else pytest.ExitCode.OK


def show_report(
    terminal: pytest.TerminalReporter, report: Report, outputs: Outputs
) -> None:
    """Print the table of a run, and which files were written."""
    terminal.section("llmlab")
    width = width_of(terminal).columns
    *table, footer = render_terminal(report, width=width)
    beside = outputs.beside
    summary = render_side_summary(beside, width=width) if beside else []
    for line in (
        *table,
        *summary,
        *([""] if summary else []),
        footer,
        *outputs.written,
    ):
        terminal.write_line(line)
