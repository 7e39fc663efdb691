"""Tasks: what is asked, of which data, with which demonstrations."""

from llmlab_pytest.tasks._card import load_card, override, task_from_spec
from llmlab_pytest.tasks._clusters import CLUSTER, clusters_of
from llmlab_pytest.tasks._covers import COVERS, covers_of
from llmlab_pytest.tasks._explanation import load_explanation
from llmlab_pytest.tasks._find import find_card, shipped_card_folders
from llmlab_pytest.tasks._matrix import PROMPTS_OF, load_matrix
from llmlab_pytest.tasks._plan import PlannedTask, plan_task
from llmlab_pytest.tasks._requests import build_request
from llmlab_pytest.tasks._rows import load_rows
from llmlab_pytest.tasks._sources import cache_dir, load_split, rows_digest
from llmlab_pytest.tasks._task import (
    DataSource,
    Demonstrations,
    Split,
    Task,
    chat_mode_on,
    in_mode,
    needed_capability,
)

__all__ = [
    "CLUSTER",
    "COVERS",
    "PROMPTS_OF",
    "DataSource",
    "Demonstrations",
    "PlannedTask",
    "Split",
    "Task",
    "build_request",
    "cache_dir",
    "chat_mode_on",
    "clusters_of",
    "covers_of",
    "find_card",
    "in_mode",
    "load_card",
    "load_explanation",
    "load_matrix",
    "load_rows",
    "load_split",
    "needed_capability",
    "override",
    "plan_task",
    "rows_digest",
    "shipped_card_folders",
    "task_from_spec",
]
