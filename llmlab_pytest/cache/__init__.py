"""Answers that are kept beyond a run: a cache by content."""

from llmlab_pytest.cache._address import Asked, draw_of
from llmlab_pytest.cache._amounts import age_of, bytes_of
from llmlab_pytest.cache._answers import AnswerCache, CacheEntry, open_cache

__all__ = [
    "AnswerCache",
    "Asked",
    "CacheEntry",
    "age_of",
    "bytes_of",
    "draw_of",
    "open_cache",
]
