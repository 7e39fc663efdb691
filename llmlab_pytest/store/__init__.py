"""The one place where results live. SQLAlchemy is imported when a store is opened."""

from llmlab_pytest.store._catalogue import Catalogue, Found, Total, Wanted
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
from llmlab_pytest.store._recalled import as_given, recalled
from llmlab_pytest.store._records_json import completion_content, completion_from
from llmlab_pytest.store._request_json import request_json

__all__ = [
    "Balance",
    "Catalogue",
    "Exchange",
    "Found",
    "Hold",
    "HoldAnswer",
    "KeptCall",
    "Ledger",
    "RunSummary",
    "Samples",
    "Spent",
    "Store",
    "Total",
    "Wanted",
    "as_given",
    "completion_content",
    "completion_from",
    "nano_usd",
    "open_store",
    "recalled",
    "request_json",
    "usd_of",
]
