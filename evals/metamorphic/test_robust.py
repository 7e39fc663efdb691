"""Do small changes of a question change the answer? See docs/metamorphic.md.

A sample test: a question whose answer changes is a miss, counted and not failed, since
no model is robust against everything. Tests with `@given`, which look for the smallest
change that does harm, are for models and changes that must not fail.
"""

import pytest

from llmlab_pytest import Completion, Llm, Sample, llm_task
from llmlab_pytest.metamorphic import assert_same_answer, changed_case, changes

pytestmark = pytest.mark.llm_requires("chat")

ROWS = [
    {"id": "france", "input": "What is the capital of France?", "target": "Paris"},
    {"id": "japan", "input": "What is the capital of Japan?", "target": "Tokyo"},
    {"id": "italy", "input": "What is the capital of Italy?", "target": "Rome"},
]
BRIEF = {"max_tokens": 24}


@llm_task(data=ROWS, max_tokens=24)
def test_case_does_not_decide(llm: Llm, sample: Sample, completion: Completion) -> None:
    """Whether the capital is named does not hang on capital letters."""
    assert completion.text
    for changed in changes(sample.input, changed_case, count=2):
        assert_same_answer(
            llm,
            sample.input,
            changed,
            scorer="contains_any",
            target=sample.target,
            **BRIEF,
        )
