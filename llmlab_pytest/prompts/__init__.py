"""From the fields of a row to text: templates, and who demonstrates for whom."""

from llmlab_pytest.prompts._demonstrations import draw_first, draw_random, draw_shuffled
from llmlab_pytest.prompts._render import evaluate, render, variables
from llmlab_pytest.prompts._turns import (
    ChatMode,
    Turn,
    messages_of,
    raw_text,
    system_turns,
)

__all__ = [
    "ChatMode",
    "Turn",
    "draw_first",
    "draw_random",
    "draw_shuffled",
    "evaluate",
    "messages_of",
    "raw_text",
    "render",
    "system_turns",
    "variables",
]
