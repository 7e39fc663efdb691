"""The web page of `llmlab ui`: runs, costs, leaderboards and a playground.

One process that serves its own files, asks for nothing elsewhere and shows what models
wrote as text.
"""

from llmlab_pytest.ui._run_page import Start, run_page

__all__ = ["Start", "run_page"]
