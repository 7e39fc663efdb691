"""Do small changes of a question change the answer? See docs/metamorphic.md."""

import pytest
from hypothesis import given, settings

from llmlab_pytest import Llm
from llmlab_pytest.metamorphic import (
    Variant,
    assert_same_answer,
    changed_case,
    variants,
    whitespace,
)

QUESTIONS = ["What is the capital of France?", "What is the capital of Japan?"]
BRIEF = {"max_tokens": 24}


@pytest.mark.llm_calls(6)
@settings(max_examples=5, derandomize=True)
@given(pair=variants(QUESTIONS, whitespace))
def test_white_space_does_not_decide(llm: Llm, pair: Variant) -> None:
    """Whether the capital is named does not hang on the white space."""
    assert_same_answer(
        llm, *pair, scorer="contains_any", target=("Paris", "Tokyo"), **BRIEF
    )


@pytest.mark.llm_calls(6)
@settings(max_examples=5, derandomize=True)
@given(pair=variants(QUESTIONS, changed_case))
def test_case_does_not_decide(llm: Llm, pair: Variant) -> None:
    """Nor on capital letters."""
    assert_same_answer(
        llm, *pair, scorer="contains_any", target=("Paris", "Tokyo"), **BRIEF
    )
