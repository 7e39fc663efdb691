"""Conditions on metrics that decide whether a run passes."""

from llmlab_pytest.gates._baseline import Baseline
from llmlab_pytest.gates._decide import Evidence, decide
from llmlab_pytest.gates._grammar import Gate, parse_gate

__all__ = ["Baseline", "Evidence", "Gate", "decide", "parse_gate"]
