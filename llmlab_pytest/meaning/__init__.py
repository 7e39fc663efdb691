"""From a completion to a score by what it means: models of similarity and inference."""

from llmlab_pytest.meaning._catalog import MEANING_SCORERS
from llmlab_pytest.meaning._models import MINILM
from llmlab_pytest.meaning._scorers import (
    consistency,
    contradiction,
    cross_encoder,
    entailment,
    similarity,
)

__all__ = [
    "MEANING_SCORERS",
    "MINILM",
    "consistency",
    "contradiction",
    "cross_encoder",
    "entailment",
    "similarity",
]
