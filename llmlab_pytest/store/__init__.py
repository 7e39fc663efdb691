"""The one place where results live. SQLAlchemy is imported when a store is opened."""

from llmlab_pytest.store._ledger import (
    Balance,
    Hold,
    HoldAnswer,
    Ledger,
    nano_usd,
    usd_of,
)
from llmlab_pytest.store._protocol import (
    Exchange,
    KeptCall,
    RunSummary,
    Samples,
    Spent,
    Store,
    open_store,
)
from llmlab_pytest.store._records_json import completion_content, completion_from

__all__ = [
    "Balance",
    "Exchange",
    "Hold",
    "HoldAnswer",
    "KeptCall",
    "Ledger",
    "RunSummary",
    "Samples",
    "Spent",
    "Store",
    "completion_content",
    "completion_from",
    "nano_usd",
    "open_store",
    "usd_of",
]
