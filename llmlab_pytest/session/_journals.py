"""Which journal a run has: its own, or one with kept answers behind it."""

from llmlab_pytest.cache import open_cache
from llmlab_pytest.session._cached_journal import CachedJournal
from llmlab_pytest.session._journal import StoreJournal
from llmlab_pytest.session._settings import Settings
from llmlab_pytest.store import Store

RunJournal = StoreJournal | CachedJournal


def open_journal(store: Store, settings: Settings, *, run_id: str) -> RunJournal:
    """Open what the options ask for.

    Raises:
        CacheError: the cache cannot be used.
    """
    resume = settings.resume is not None
    journal = StoreJournal(store, run_id=run_id, resume=resume)
    if settings.cache == "off":
        return journal
    cache = open_cache(settings.cache_dir, max_bytes=settings.cache_max_bytes)
    return CachedJournal(journal, cache, mode=settings.cache)
