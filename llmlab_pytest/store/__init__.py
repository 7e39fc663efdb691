"""The one place where results live. SQLAlchemy is imported when a store is opened."""

from llmlab_pytest.store._protocol import Exchange, RunSummary, Store, open_store
from llmlab_pytest.store._records_json import completion_content, completion_from

__all__ = [
    "Exchange",
    "RunSummary",
    "Store",
    "completion_content",
    "completion_from",
    "open_store",
]
