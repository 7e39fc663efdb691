"""Conditions on metrics that decide whether a run passes."""

from llmlab_pytest.gates._baseline import Baseline
from llmlab_pytest.gates._decide import Evidence, decide
from llmlab_pytest.gates._grammar import Gate, parse_gate
from llmlab_pytest.gates._needed import Needed, Observed, needed
from llmlab_pytest.gates._sequential import Course, decided_after, in_order, watched

__all__ = [
    "Baseline",
    "Course",
    "Evidence",
    "Gate",
    "Needed",
    "Observed",
    "decide",
    "decided_after",
    "in_order",
    "needed",
    "parse_gate",
    "watched",
]
