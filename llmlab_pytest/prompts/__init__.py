"""From the fields of a row to text: templates, and who demonstrates for whom."""

from llmlab_pytest.prompts._demonstrations import draw_first, draw_random
from llmlab_pytest.prompts._render import evaluate, render, variables

__all__ = ["draw_first", "draw_random", "evaluate", "render", "variables"]
