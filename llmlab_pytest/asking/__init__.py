"""Asking models outside pytest: what commands and the web page share."""

from llmlab_pytest.asking._asking import FIRST_SEED, Asking, Means
from llmlab_pytest.asking._conversation import (
    Conversation,
    Spent,
    is_too_long,
)
from llmlab_pytest.asking._registry_files import registry_files
from llmlab_pytest.asking._saved import Try, check_path, toml_value
from llmlab_pytest.asking._saved_conversation import save_conversation
from llmlab_pytest.asking._scorers import (
    DEFAULT_RUBRIC,
    asks_judge,
    known_scorers,
    read_scorer,
)
from llmlab_pytest.asking._trying import Answer, Decoding, Prompt, Trying

__all__ = [
    "DEFAULT_RUBRIC",
    "FIRST_SEED",
    "Answer",
    "Asking",
    "Conversation",
    "Decoding",
    "Means",
    "Prompt",
    "Spent",
    "Try",
    "Trying",
    "asks_judge",
    "check_path",
    "is_too_long",
    "known_scorers",
    "read_scorer",
    "registry_files",
    "save_conversation",
    "toml_value",
]
