"""From a completion to a score by what it means: models of similarity and inference."""

from collections.abc import Mapping

from llmlab_pytest.meaning._models import MINILM
from llmlab_pytest.meaning._scorers import (
    consistency,
    contradiction,
    cross_encoder,
    entailment,
    similarity,
)
from llmlab_pytest.scorers import ScorerFactory

MEANING_SCORERS: Mapping[str, ScorerFactory] = {
    "contradiction": contradiction,
    "cross_encoder": cross_encoder,
    "entailment": entailment,
    "similarity": similarity,
}

__all__ = [
    "MEANING_SCORERS",
    "MINILM",
    "consistency",
    "contradiction",
    "cross_encoder",
    "entailment",
    "similarity",
]
