"""Runs and models side by side, paired by sample."""

from llmlab_pytest.comparing._advice import Bar
from llmlab_pytest.comparing._find_run import run_id_of
from llmlab_pytest.comparing._pairs import Compared, Pair, compare_pairs, pairs_of
from llmlab_pytest.comparing._panel import comparable
from llmlab_pytest.comparing._prompts import prompt_sides
from llmlab_pytest.comparing._side_by_side import side_by_side
from llmlab_pytest.comparing._sides import (
    Side,
    is_file,
    names_of,
    open_runs,
    run_lines,
    sides_of,
    sides_of_run,
)

__all__ = [
    "Bar",
    "Compared",
    "Pair",
    "Side",
    "comparable",
    "compare_pairs",
    "is_file",
    "names_of",
    "open_runs",
    "pairs_of",
    "prompt_sides",
    "run_id_of",
    "run_lines",
    "side_by_side",
    "sides_of",
    "sides_of_run",
]
