"""Runs model calls: ahead of need, concurrently or in batches, once each."""

from llmlab_pytest.engine._calls import Allowance, Answered, Asker, Call
from llmlab_pytest.engine._engine import Engine
from llmlab_pytest.engine._journal import Journal, NullJournal
from llmlab_pytest.engine._purse import OpenPurse, Purse

__all__ = [
    "Allowance",
    "Answered",
    "Asker",
    "Call",
    "Engine",
    "Journal",
    "NullJournal",
    "OpenPurse",
    "Purse",
]
