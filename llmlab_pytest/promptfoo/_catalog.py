"""The scorers of this room, by name."""

from collections.abc import Mapping

from llmlab_pytest.promptfoo._composite import promptfoo
from llmlab_pytest.promptfoo._ngrams import (
    promptfoo_bleu,
    promptfoo_gleu,
    promptfoo_rouge,
)
from llmlab_pytest.promptfoo._scorers import (
    promptfoo_contains_json,
    promptfoo_cost,
    promptfoo_equals,
    promptfoo_latency,
    promptfoo_perplexity,
    promptfoo_perplexity_score,
)
from llmlab_pytest.scorers import ScorerFactory

PROMPTFOO_SCORERS: Mapping[str, ScorerFactory] = {
    factory.__name__: factory
    for factory in (
        promptfoo,
        promptfoo_bleu,
        promptfoo_contains_json,
        promptfoo_cost,
        promptfoo_equals,
        promptfoo_gleu,
        promptfoo_latency,
        promptfoo_perplexity,
        promptfoo_perplexity_score,
        promptfoo_rouge,
    )
}
