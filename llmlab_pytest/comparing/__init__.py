"""Runs and models side by side, paired by sample."""

from llmlab_pytest.comparing._find_run import run_id_of
from llmlab_pytest.comparing._pairs import Compared, Pair, compare_pairs, pairs_of
from llmlab_pytest.comparing._sides import Side, is_file, open_runs, run_lines, sides_of

__all__ = [
    "Compared",
    "Pair",
    "Side",
    "compare_pairs",
    "is_file",
    "open_runs",
    "pairs_of",
    "run_id_of",
    "run_lines",
    "sides_of",
]
