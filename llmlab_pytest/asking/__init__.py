"""Asking models outside pytest: what commands and the web page share."""

from llmlab_pytest.asking._asking import Asking
from llmlab_pytest.asking._registry_files import registry_files
from llmlab_pytest.asking._saved import Try, check_path
from llmlab_pytest.asking._scorers import asks_judge, known_scorers, read_scorer
from llmlab_pytest.asking._trying import FIRST_SEED, Answer, Decoding, Prompt, Trying

__all__ = [
    "FIRST_SEED",
    "Answer",
    "Asking",
    "Decoding",
    "Prompt",
    "Try",
    "Trying",
    "asks_judge",
    "check_path",
    "known_scorers",
    "read_scorer",
    "registry_files",
]
