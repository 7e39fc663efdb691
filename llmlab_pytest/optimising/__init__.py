"""Better prompts for a task: proposed, raced, and judged once on samples held out."""

from llmlab_pytest.optimising._candidate import ANSWER_FIELD, Candidate
from llmlab_pytest.optimising._card import check_card, write_card
from llmlab_pytest.optimising._measuring import Ask, Measuring, Phase
from llmlab_pytest.optimising._optimiser import (
    Effort,
    Found,
    Optimiser,
    largest_requests,
)
from llmlab_pytest.optimising._parts import Parts, split_samples

__all__ = [
    "ANSWER_FIELD",
    "Ask",
    "Candidate",
    "Effort",
    "Found",
    "Measuring",
    "Optimiser",
    "Parts",
    "Phase",
    "check_card",
    "largest_requests",
    "split_samples",
    "write_card",
]
