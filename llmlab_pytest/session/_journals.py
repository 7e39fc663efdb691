"""Which journal a run has: its own, or one with kept answers behind it."""

from llmlab_pytest.cache import open_cache
from llmlab_pytest.cassettes import CassetteFolder
from llmlab_pytest.session._cached_journal import CachedJournal
from llmlab_pytest.session._cassette_journals import RecordingJournal, ReplayJournal
from llmlab_pytest.session._journal import StoreJournal
from llmlab_pytest.session._settings import Settings
from llmlab_pytest.store import Store

RunJournal = StoreJournal | CachedJournal | RecordingJournal | ReplayJournal


def open_journal(
    store: Store, settings: Settings, cassettes: CassetteFolder | None, *, run_id: str
) -> RunJournal:
    """Open what the options ask for.

    Args:
        store: of the run.
        settings: of the run.
        cassettes: from `cassettes_of`.
        run_id: of the run.

    Raises:
        CacheError: the cache cannot be used.
        CassetteError: the folder of cassettes cannot be written.
    """
    resume = settings.resume is not None
    journal = StoreJournal(store, run_id=run_id, resume=resume)
    if cassettes is not None and settings.replay is not None:
        return ReplayJournal(journal, cassettes)
    kept = _with_cache(journal, settings)
    if cassettes is None:
        return kept
    cassettes.prepare()
    return RecordingJournal(kept, cassettes)


def cassettes_of(settings: Settings) -> CassetteFolder | None:
    """Return the folder that is recorded to or replayed, `None` without either."""
    path = settings.replay or settings.record
    return None if path is None else CassetteFolder(path)


def _with_cache(
    journal: StoreJournal, settings: Settings
) -> StoreJournal | CachedJournal:
    if settings.cache == "off":
        return journal
    cache = open_cache(settings.cache_dir, max_bytes=settings.cache_max_bytes)
    return CachedJournal(journal, cache, mode=settings.cache)
