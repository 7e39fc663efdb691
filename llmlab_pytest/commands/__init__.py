"""The command `llmlab`: what is done to files of ours without running tests."""

from llmlab_pytest.commands._main import main

__all__ = ["main"]
