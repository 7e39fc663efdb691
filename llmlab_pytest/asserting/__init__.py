"""Assertions for behaviour tests: of any scorer, and of what an answer takes."""

from llmlab_pytest.asserting._assertions import (
    LlmAssertionError,
    assert_choice,
    assert_contains_all,
    assert_contains_any,
    assert_contains_none,
    assert_exact,
    assert_json_schema,
    assert_numeric,
    assert_regex,
    assert_score,
    quoted,
    shown,
    word_diff,
)
from llmlab_pytest.asserting._limits import assert_limits, check_limits, parse_limit

__all__ = [
    "LlmAssertionError",
    "assert_choice",
    "assert_contains_all",
    "assert_contains_any",
    "assert_contains_none",
    "assert_exact",
    "assert_json_schema",
    "assert_limits",
    "assert_numeric",
    "assert_regex",
    "assert_score",
    "check_limits",
    "parse_limit",
    "quoted",
    "shown",
    "word_diff",
]
