"""The per-process state behind the plugin: settings, registries, store, engine."""

from llmlab_pytest.session._baseline import check_baseline
from llmlab_pytest.session._case import Case, Group
from llmlab_pytest.session._course import SEQUENTIAL, stop_factor
from llmlab_pytest.session._decoding import config_of
from llmlab_pytest.session._error_text import error_text
from llmlab_pytest.session._exposed import warn_of_exposed_secrets
from llmlab_pytest.session._find_run import is_worker
from llmlab_pytest.session._forecasts import estimate, may_cost
from llmlab_pytest.session._kept_run import KeptRun
from llmlab_pytest.session._outputs import Outputs
from llmlab_pytest.session._property_calls import CallsSpent, PropertyCalls
from llmlab_pytest.session._report import report_of_kept_run
from llmlab_pytest.session._session import (
    LlmlabSession,
    accounts_key,
    completions_key,
    session_if_used,
    session_of,
)

__all__ = [
    "SEQUENTIAL",
    "CallsSpent",
    "Case",
    "Group",
    "KeptRun",
    "LlmlabSession",
    "Outputs",
    "PropertyCalls",
    "accounts_key",
    "check_baseline",
    "completions_key",
    "config_of",
    "error_text",
    "estimate",
    "is_worker",
    "may_cost",
    "report_of_kept_run",
    "session_if_used",
    "session_of",
    "stop_factor",
    "warn_of_exposed_secrets",
]
