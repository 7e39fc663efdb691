"""The progress line: below pytest's own output in a terminal, now and then in a log.

In a terminal the line stands one row below the cursor, which never leaves its place;
before pytest writes, everything behind the cursor is cleared. In a log, and where
output is verbose or not captured, it is a line of its own at most every 30 s. With `-q`
there is none.
"""

import time
from collections.abc import Callable, Generator

import pytest

from llmlab_pytest.collecting._pace import Pace
from llmlab_pytest.collecting._terminal_width import width_of
from llmlab_pytest.collecting._work import work_of, work_plan_of
from llmlab_pytest.core import shorten

LIVE_LINE = "llmlab-live-line"
"""Name of the plugin."""
_LOG_EVERY_S = 30.0
_CLEAR_BEHIND = "\x1b[J"
_UP = "\x1b[A"


class LiveLine:
    """Counts what reports tell, and shows it.

    Args:
        reporter: pytest's terminal.
        is_live: whether lines can be rewritten.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        reporter: pytest.TerminalReporter,
        *,
        is_live: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reporter = reporter
        self._is_live = is_live
        self._clock = clock
        self._pace = Pace()
        self._text = ""
        self._is_drawn = False
        self._logged_at_s = clock()

    def count(self, report: pytest.TestReport) -> None:
        """Count the sample of a report."""
        if (plan := work_plan_of(report)) is not None:
            self._pace.plan(plan)
        if (work := work_of(report)) is not None:
            self._pace.add(work, at_s=self._clock())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Generator[None, object, object]:
        """Keep the line below what pytest writes."""
        self.clear()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(
        self, report: pytest.TestReport
    ) -> Generator[None, object, object]:
        """Count, and show the new numbers after the outcome."""
        self.count(report)
        if report.passed and report.when != "call":  # pytest writes nothing
            return (yield)
        self.clear()
        result = yield
        self._show()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self) -> Generator[None, object, object]:
        """Keep the line below what pytest writes."""
        self.clear()
        result = yield
        self._draw()
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Leave the place to the summary."""
        self.clear()
        self._is_live = False

    def clear(self) -> None:
        """Take the line away, so that others may write."""
        if self._is_drawn:
            self._is_drawn = False
            self._write(_CLEAR_BEHIND)

    def _show(self) -> None:
        if self._is_live:
            self._text = self._pace.line()
            self._draw()
            return
        now_s = self._clock()
        if now_s - self._logged_at_s >= _LOG_EVERY_S and self._pace.line():
            self._logged_at_s = now_s
            self._reporter.ensure_newline()
            self._reporter.write_line(f"llmlab: {self._pace.line()}")

    def _draw(self) -> None:
        if not (self._is_live and self._text):
            return
        columns, used = width_of(self._reporter)
        line = shorten(f"llmlab: {self._text}", columns - 1)
        if used:
            self._write(f"\n\r\x1b[2K{line}{_UP}\x1b[{used + 1}G")
        else:
            self._write(f"\r\x1b[2K{line}\r")
        self._is_drawn = True

    def _write(self, text: str) -> None:
        """Write without what pytest takes for characters of its line."""
        self._reporter.write_raw(text, flush=True)


def show_live_line(
    config: pytest.Config, *, first: pytest.TestReport | None = None
) -> LiveLine | None:
    """Show the progress of this run, if this process has a terminal to show it on.

    Args:
        config: of the run.
        first: a report that is being told just now.
    """
    manager = config.pluginmanager
    reporter = manager.get_plugin("terminalreporter")
    if reporter is None or config.getoption("verbose", 0) < 0:
        return None
    can_rewrite = reporter.isatty and reporter.hasmarkup
    is_plain = config.getoption("verbose", 0) == 0 and not config.getoption(
        "usepdb", default=False
    )
    is_captured = config.getoption("capture", default="no") != "no"
    line = LiveLine(reporter, is_live=can_rewrite and is_plain and is_captured)
    manager.register(line, LIVE_LINE)
    if first is not None:
        line.count(first)
    return line
