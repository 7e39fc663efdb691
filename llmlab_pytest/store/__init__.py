"""The one place where results live. SQLAlchemy is imported when a store is opened."""

from llmlab_pytest.store._protocol import RunSummary, Store, open_store

__all__ = ["RunSummary", "Store", "open_store"]
