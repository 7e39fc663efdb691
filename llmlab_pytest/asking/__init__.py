"""Asking models outside pytest: what commands and the web page share."""

from llmlab_pytest.asking._asking import FIRST_SEED, Asking, Means
from llmlab_pytest.asking._registry_files import registry_files
from llmlab_pytest.asking._saved import Try, check_path
from llmlab_pytest.asking._scorers import asks_judge, known_scorers, read_scorer
from llmlab_pytest.asking._trying import Answer, Decoding, Prompt, Trying

__all__ = [
    "FIRST_SEED",
    "Answer",
    "Asking",
    "Decoding",
    "Means",
    "Prompt",
    "Try",
    "Trying",
    "asks_judge",
    "check_path",
    "known_scorers",
    "read_scorer",
    "registry_files",
]
