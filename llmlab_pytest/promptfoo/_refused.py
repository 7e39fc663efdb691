"""What promptfoo can assert and this package does not: why, and what does it here."""

from collections.abc import Mapping
from typing import NamedTuple


class Refusal(NamedTuple):
    """Why an assertion is not taken over."""

    why: str
    instead: str


_CODE = Refusal("it is code", "Write the check as a function and name it in @llm_task.")
_COMPARES = Refusal(
    "it compares the answers of several prompts or providers",
    "Use the scorer pairwise, or llmlab compare.",
)
_SERVICE = Refusal(
    "it asks a service that is no model",
    "Write an async scorer that asks it, and register it in conftest.py.",
)
_TRACE = Refusal(
    "it reads traces of an agent",
    "Use the scorers tool_calls and task_completion on the field messages.",
)
_TOOLS = Refusal(
    "the tools stand in the settings of a provider",
    "Write a test in Python: llm(..., tools=[...]) and the scorer valid_tool_calls.",
)
_RED_TEAM = Refusal(
    "it belongs to red teaming", "Use a rubric that says what is wrong."
)

REFUSED: Mapping[str, Refusal] = {
    "agent-rubric": Refusal(
        "it starts an agent that judges", "Use llm-rubric with --llmlab-judge."
    ),
    "classifier": Refusal(
        "it asks a classifier on the Hugging Face hub",
        "Use sentiment, toxicity or bias, or a scorer of your own.",
    ),
    "conversation-relevance": Refusal(
        "it judges a window of earlier tests",
        "Use conversation_quality on the field messages of a row.",
    ),
    "guardrails": Refusal(
        "it reads what a provider's guardrail says", "Assert completion.stop_reason."
    ),
    "human": Refusal(
        "people decide it in promptfoo's viewer",
        "Rate answers in a file: llmlab judge compares a judge with it.",
    ),
    "is-valid-function-call": _TOOLS,
    "is-valid-openai-function-call": _TOOLS,
    "is-valid-openai-tools-call": _TOOLS,
    "javascript": _CODE,
    "max-score": _COMPARES,
    "moderation": _SERVICE,
    "pi": _SERVICE,
    "python": _CODE,
    "ruby": _CODE,
    "search-rubric": Refusal(
        "its judge searches the web", "Use factuality against a text that you give."
    ),
    "select-best": _COMPARES,
    "similar:dot": Refusal(
        "its value depends on the length of vectors", "Use similar, which is cosine."
    ),
    "similar:euclidean": Refusal(
        "its value depends on the length of vectors", "Use similar, which is cosine."
    ),
    "skill-used": _TRACE,
    "tool-call-f1": _TOOLS,
    "trace-error-spans": _TRACE,
    "trace-span-count": _TRACE,
    "trace-span-duration": _TRACE,
    "trajectory:goal-success": _TRACE,
    "trajectory:step-count": _TRACE,
    "trajectory:tool-args-match": _TRACE,
    "trajectory:tool-sequence": _TRACE,
    "trajectory:tool-used": _TRACE,
    "webhook": _SERVICE,
}
"""By promptfoo's name, without `not-`."""


def refusal_of(kind: str) -> Refusal | None:
    """Return why a kind of assertion is refused, `None` if it is not."""
    if kind.startswith("promptfoo:redteam:"):
        return _RED_TEAM
    return REFUSED.get(kind)
