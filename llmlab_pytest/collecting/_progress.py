"""What a run is busy with, as lines in the terminal: a download takes minutes."""

import logging
import sys
import threading
from collections import deque
from contextlib import nullcontext

import pytest

from llmlab_pytest.collecting._live_line import LiveLine
from llmlab_pytest.session import is_worker

_FETCHING = logging.getLogger("llmlab_pytest.tasks")
_LOADING = logging.getLogger("llmlab_pytest.session")
_SHARING = logging.getLogger("llmlab_pytest.providers._shared_model")
"""Says when the process of a shared model has died; one worker notes it."""
_FIRST_WORKER = "gw0"


def speaks_for_all(config: pytest.Config) -> bool:
    """Whether this process says what every worker would: the first, or the only one."""
    worker = getattr(config, "workerinput", {}).get("workerid")
    return worker in (None, _FIRST_WORKER)


class ProgressLines(logging.Handler):
    """Writes messages above pytest's own line, past its capturing.

    Models are loaded in a thread. pytest's terminal and its capturing belong to the
    main thread, which shows such messages while it waits for an answer.
    """

    def __init__(self, config: pytest.Config, above: LiveLine | None) -> None:
        super().__init__(logging.INFO)
        self._config = config
        self._above = above
        self._unseen: deque[str] = deque()

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message, now or when the main thread waits."""
        is_loading = record.name.startswith(_LOADING.name)
        if is_loading and not speaks_for_all(self._config):
            return  # all load the same
        self._unseen.append(f"llmlab: {record.getMessage()}")
        if threading.current_thread() is threading.main_thread():
            self.show()

    def show(self) -> None:
        """Write the messages that nobody has seen; of a worker, stderr is shown."""
        if not self._unseen:
            return
        manager = self._config.pluginmanager
        capture = manager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter = manager.get_plugin("terminalreporter")
            if self._above is not None:
                self._above.clear()
            while self._unseen:
                line = self._unseen.popleft()
                if reporter is not None and not is_worker(self._config):
                    reporter.ensure_newline()
                    reporter.write_line(line)
                elif sys.__stderr__ is not None:
                    sys.__stderr__.write(f"{line}\n")
                    sys.__stderr__.flush()


def show_progress(
    config: pytest.Config, *, above: LiveLine | None = None
) -> ProgressLines:
    """Show what fetches data and loads models for as long as pytest runs.

    Args:
        config: of the run.
        above: the line that gives way to such messages.
    """
    lines = ProgressLines(config, above)
    for logger in (_FETCHING, _LOADING, _SHARING):
        _attach(logger, lines, config)
    return lines


def _attach(
    logger: logging.Logger, lines: ProgressLines, config: pytest.Config
) -> None:
    level = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)

    def restore() -> None:
        logger.removeHandler(lines)
        logger.setLevel(level)

    config.add_cleanup(restore)
