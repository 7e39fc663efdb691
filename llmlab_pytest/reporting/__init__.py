"""Renderers: a report becomes text. They compute nothing and write nothing."""

from llmlab_pytest.reporting._json import render_json
from llmlab_pytest.reporting._terminal import render_terminal

__all__ = ["render_json", "render_terminal"]
