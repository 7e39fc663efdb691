"""The per-process state behind the plugin: settings, registries, store, engine."""

from llmlab_pytest.session._case import Case, Group
from llmlab_pytest.session._decoding import config_of
from llmlab_pytest.session._outputs import Outputs
from llmlab_pytest.session._report import report_of_kept_run
from llmlab_pytest.session._session import (
    LlmlabSession,
    completions_key,
    error_text,
    session_if_used,
    session_of,
)

__all__ = [
    "Case",
    "Group",
    "LlmlabSession",
    "Outputs",
    "completions_key",
    "config_of",
    "error_text",
    "report_of_kept_run",
    "session_if_used",
    "session_of",
]
