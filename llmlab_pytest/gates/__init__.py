"""Conditions on metrics that decide whether a run passes."""

from llmlab_pytest.gates._gates import Gate, decide, parse_gate

__all__ = ["Gate", "decide", "parse_gate"]
