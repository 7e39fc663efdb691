"""Relations between answers, and what is shown where they do not hold."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from llmlab_pytest import Completion, LlmAssertionError, Usage
from llmlab_pytest.metamorphic import assert_same_answer
from llmlab_pytest.scorers import contains_any, numeric


class Answers:
    """A model that looks its answers up, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.decoding: list[dict[str, Any]] = []

    def map(self, prompts: Sequence[str], **decoding: Any) -> list[Completion]:
        """Answer each prompt."""
        self.asked += prompts
        self.decoding.append(decoding)
        return [
            Completion(
                model="table", text=self.answers[prompt], usage=Usage(), latency_s=0.0
            )
            for prompt in prompts
        ]


def test_same_words_are_the_same_answer() -> None:
    """Case, punctuation and white space of answers do not count."""
    llm = Answers({"a": "Paris, of course.", "b": " paris of  course"})
    assert assert_same_answer(llm, "a", "b").value == 1.0


def test_a_scorer_says_what_is_the_same() -> None:
    """The answer to the original prompt is the target of the other."""
    llm = Answers({"a": "4", "b": "It is 4.0."})
    assert assert_same_answer(llm, "a", "b", scorer=numeric()).answer == "4"


def test_an_unchanged_prompt_is_asked_once() -> None:
    """What hypothesis shrinks to, the text itself, costs one call."""
    llm = Answers({"a": "4"})
    assert assert_same_answer(llm, "a", "a", max_tokens=5).value == 1.0
    assert (llm.asked, llm.decoding) == (["a"], [{"max_tokens": 5}])


@pytest.mark.parametrize(
    ("before", "after", "holds"),
    [
        ("Paris", "It is Paris", True),
        ("Rome", "Lyon", True),
        ("Paris", "Lyon", False),
        ("Rome", "Paris", False),
    ],
    ids=["both-right", "both-wrong", "lost", "won"],
)
def test_with_a_target_what_counts_is_whether_answers_are_right(
    before: str, after: str, holds: bool
) -> None:
    """Answers are right together or wrong together, whatever their words."""
    llm = Answers({"a": before, "b": after})
    scorer = contains_any()
    if holds:
        assert_same_answer(llm, "a", "b", scorer=scorer, target="Paris")
    else:
        with pytest.raises(LlmAssertionError, match="the value was"):
            assert_same_answer(llm, "a", "b", scorer=scorer, target="Paris")


def test_a_failure_shows_prompts_and_answers() -> None:
    """Letters that look the same are told apart, and nothing is left to guess."""
    changed = "What is the c\u0430pital?"
    llm = Answers({"What is the capital?": "Paris", changed: "Rome\x1b[31m"})
    with pytest.raises(LlmAssertionError) as caught:
        assert_same_answer(llm, "What is the capital?", changed)
    assert str(caught.value).splitlines() == [
        "exact (table): the answer changes with the prompt",
        "    expected 'paris'",
        "  changed prompt:",
        f"    {changed}",
        "  its changes (- original, + changed):",
        "      'What is the '",
        "    - 'capital?'",
        "    + 'c\\u0430pital?'",
        "  answer to the original prompt:",
        "    Paris",
        "  answer to the changed prompt:",
        "    Rome\\x1b[31m",
    ]
    assert caught.value.score.value == 0.0
