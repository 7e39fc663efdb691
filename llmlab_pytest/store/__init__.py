"""The one place where results live. SQLAlchemy is imported when a store is opened."""

from llmlab_pytest.store._ledger import (
    Balance,
    Hold,
    HoldAnswer,
    Ledger,
    nano_usd,
    usd_of,
)
from llmlab_pytest.store._protocol import RunSummary, Store, open_store

__all__ = [
    "Balance",
    "Hold",
    "HoldAnswer",
    "Ledger",
    "RunSummary",
    "Store",
    "nano_usd",
    "open_store",
    "usd_of",
]
