"""Answers kept as files, and compared with what a model says now; by syrupy."""

from llmlab_pytest.snapshots._assertion import AnswerSnapshots, LlmSnapshot, snapshot_of
from llmlab_pytest.snapshots._relations import Exact, Normalised, Relation, Semantic

__all__ = [
    "AnswerSnapshots",
    "Exact",
    "LlmSnapshot",
    "Normalised",
    "Relation",
    "Semantic",
    "snapshot_of",
]
