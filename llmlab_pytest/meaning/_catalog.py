"""The scorers that compare meaning, by name."""

from collections.abc import Mapping

from llmlab_pytest.meaning._scorers import (
    contradiction,
    cross_encoder,
    entailment,
    similarity,
)
from llmlab_pytest.scorers import ScorerFactory

MEANING_SCORERS: Mapping[str, ScorerFactory] = {
    factory.__name__: factory
    for factory in (contradiction, cross_encoder, entailment, similarity)
}
