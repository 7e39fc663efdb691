"""What collection is busy with, as lines in the terminal: a download takes minutes."""

import logging
import sys
from contextlib import nullcontext

import pytest

_LOGGER = logging.getLogger("llmlab_pytest.tasks")


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is an xdist worker."""
    return hasattr(config, "workerinput")


class _Lines(logging.Handler):
    """Writes messages above pytest's own line, past its capturing."""

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(logging.INFO)
        self._config = config

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message; of a worker, only stderr is shown."""
        line = f"llmlab: {record.getMessage()}"
        manager = self._config.pluginmanager
        capture = manager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter = manager.get_plugin("terminalreporter")
            if reporter is not None and not is_worker(self._config):
                reporter.ensure_newline()
                reporter.write_line(line)
            elif sys.__stderr__ is not None:
                sys.__stderr__.write(f"{line}\n")
                sys.__stderr__.flush()


def show_progress(config: pytest.Config) -> None:
    """Show what fetches data for as long as pytest runs."""
    lines = _Lines(config)
    level = _LOGGER.level
    _LOGGER.addHandler(lines)
    _LOGGER.setLevel(logging.INFO)

    def restore() -> None:
        _LOGGER.removeHandler(lines)
        _LOGGER.setLevel(level)

    config.add_cleanup(restore)
