"""Runs and models side by side, paired by sample."""

from llmlab_pytest.comparing._pairs import Compared, Pair, compare_pairs, pairs_of
from llmlab_pytest.comparing._sides import Side, open_runs, run_lines, sides_of

__all__ = [
    "Compared",
    "Pair",
    "Side",
    "compare_pairs",
    "open_runs",
    "pairs_of",
    "run_lines",
    "sides_of",
]
