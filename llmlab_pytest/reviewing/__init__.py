"""A run against that of the base branch: a verdict, and the comment that says it."""

from llmlab_pytest.reviewing._comment import LONGEST_COMMENT, render_comment
from llmlab_pytest.reviewing._flips import Flip, FlipReader, ToldBy, flips_of
from llmlab_pytest.reviewing._pairs import Paired, pair_runs
from llmlab_pytest.reviewing._verdicts import (
    Review,
    Reviewed,
    State,
    parse_margin,
    review_runs,
)

__all__ = [
    "LONGEST_COMMENT",
    "Flip",
    "FlipReader",
    "Paired",
    "Review",
    "Reviewed",
    "State",
    "ToldBy",
    "flips_of",
    "pair_runs",
    "parse_margin",
    "render_comment",
    "review_runs",
]
