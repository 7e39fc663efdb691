"""Answers that should stay what they are; see docs/snapshots.md.

The snapshots are of smollm2. For another model, write them first: --snapshot-update.
"""

import pytest

from llmlab_pytest import Llm
from llmlab_pytest.snapshots import LlmSnapshot

pytestmark = pytest.mark.llm_models("smollm2")


def test_names_the_capital(llm: Llm, llm_snapshot: LlmSnapshot) -> None:
    """Its words stay the same."""
    reply = llm("What is the capital of France?", max_tokens=24)
    assert reply == llm_snapshot.normalised()


def test_explains_rain(llm: Llm, llm_snapshot: LlmSnapshot) -> None:
    """It may say it in other words."""
    reply = llm("What is rain? Answer in one sentence.", max_tokens=48)
    assert reply == llm_snapshot.semantic(at_least=0.8)
