import io
from collections.abc import Callable

import pytest

from llmlab_pytest.collecting._live_line import LiveLine

Tell = Callable[[str, int], None]


class Screen(io.StringIO):
    """What a terminal receives."""

    def isatty(self) -> bool:
        """Say yes, so that pytest writes as to a terminal."""
        return True


class Now:
    """A clock that tests set."""

    at_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at_s


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def now() -> Now:
    return Now()


def line_on(
    pytester: pytest.Pytester, screen: Screen, now: Now, *, is_live: bool
) -> tuple[LiveLine, Tell]:
    """Return a line on pytest's own terminal, and what tells it of a sample."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    config = pytester.parseconfigure()
    reporter = pytest.TerminalReporter(config, screen)
    line = LiveLine(reporter, is_live=is_live, clock=now)
    config.pluginmanager.register(line)
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(reporter, "terminalreporter")
    reporter._session = pytest.Session.from_config(config)
    reporter._session.testscollected = 9

    def tell(when: str, item: int) -> None:
        nodeid, location = "test_it.py::test", ("test_it.py", 1, "test")
        config.hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        report = pytest.TestReport(nodeid, location, {}, "passed", None, when)
        if when == "call":
            report.llmlab_work = [item, "task", "m", 40, 10, 0, 1.0]
        config.hook.pytest_runtest_logreport(report=report)

    return line, tell


def test_in_a_terminal_the_line_is_below_and_the_cursor_stays(
    pytester: pytest.Pytester, screen: Screen, now: Now
) -> None:
    """It is cleared before the next dot, and what pytest wrote is left alone."""
    line, tell = line_on(pytester, screen, now, is_live=True)
    tell("setup", 0)
    assert "\x1b[A" not in screen.getvalue()
    tell("call", 0)
    column = len("test_it.py .") + 1
    drawn = f"\n\r\x1b[2Kllmlab: m 1 samples\x1b[A\x1b[{column}G"
    assert screen.getvalue().endswith(f"{drawn}")
    tell("teardown", 0)
    tell("call", 1)
    again = f"\n\r\x1b[2Kllmlab: m 2 samples\x1b[A\x1b[{column + 1}G"
    _before, _, after = screen.getvalue().partition(drawn)
    assert after.startswith("\x1b[J")
    assert after.endswith(again)
    line.pytest_sessionfinish()
    assert screen.getvalue().endswith(f"{again}\x1b[J")
    tell("call", 2)
    assert "3 samples" not in screen.getvalue()


def test_in_a_log_a_line_comes_every_thirty_seconds(
    pytester: pytest.Pytester, screen: Screen, now: Now
) -> None:
    """Never earlier, and without anything that moves a cursor."""
    _, tell = line_on(pytester, screen, now, is_live=False)
    for item in range(70):
        now.at_s = float(item)
        tell("call", item)
    told = [n for n in screen.getvalue().splitlines() if n.startswith("llmlab: ")]
    assert told == [
        "llmlab: m 31 samples · 40 tokens/s asked, 10 computed",
        "llmlab: m 61 samples · 40 tokens/s asked, 10 computed",
    ]
    assert "\x1b[J" not in screen.getvalue()
    assert "\x1b[A" not in screen.getvalue()
