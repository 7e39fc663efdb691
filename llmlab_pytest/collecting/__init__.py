"""How llmlab becomes pytest items: marks, task cards, gates, outcomes."""

from llmlab_pytest.collecting._card_file import CardFile, ExplanationFile, MatrixFile
from llmlab_pytest.collecting._cassettes import note_used_cassettes
from llmlab_pytest.collecting._estimate import register_estimate
from llmlab_pytest.collecting._gate_item import GateFailed, GateItem
from llmlab_pytest.collecting._live_line import show_live_line
from llmlab_pytest.collecting._parametrize import parametrize, register_task_fixtures
from llmlab_pytest.collecting._promptfoo_file import PromptfooFile
from llmlab_pytest.collecting._properties import CallsSpentWarning
from llmlab_pytest.collecting._report_command import report_kept_run
from llmlab_pytest.collecting._run_plugin import activate, finish_controller
from llmlab_pytest.collecting._status import status_of
from llmlab_pytest.collecting._task_mark import llm_task

__all__ = [
    "CallsSpentWarning",
    "CardFile",
    "ExplanationFile",
    "GateFailed",
    "GateItem",
    "MatrixFile",
    "PromptfooFile",
    "activate",
    "finish_controller",
    "llm_task",
    "note_used_cassettes",
    "parametrize",
    "register_estimate",
    "register_task_fixtures",
    "report_kept_run",
    "show_live_line",
    "status_of",
]
