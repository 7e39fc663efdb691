"""From a completion to a score. Scorers are pure; they import no model."""

from llmlab_pytest.scorers._alone import AnyScorer, ascore, score, score_many
from llmlab_pytest.scorers._awaiting import gathered
from llmlab_pytest.scorers._catalog import scorer_registry
from llmlab_pytest.scorers._choice import choice
from llmlab_pytest.scorers._citations import citations, quotes
from llmlab_pytest.scorers._code import passes_tests, runs_python
from llmlab_pytest.scorers._compose import (
    all_of,
    any_of,
    bounds_fault,
    negate,
    threshold,
    weighted,
)
from llmlab_pytest.scorers._corpus import chrf, corpus_bleu, f1, mcc, perplexity, ter
from llmlab_pytest.scorers._date import date
from llmlab_pytest.scorers._exact_match import exact_match
from llmlab_pytest.scorers._formats import is_html, is_json, is_python, is_xml
from llmlab_pytest.scorers._ifeval import ifeval
from llmlab_pytest.scorers._likeness import edit_distance, edit_similarity, token_ratio
from llmlab_pytest.scorers._loglikelihood import (
    acc,
    acc_bytes,
    acc_mutual_info,
    acc_norm,
    mc2,
)
from llmlab_pytest.scorers._markdown import markdown
from llmlab_pytest.scorers._math import math_verify, minerva_math
from llmlab_pytest.scorers._math_strings import hendrycks_math
from llmlab_pytest.scorers._normalise import normaliser_of
from llmlab_pytest.scorers._numeric import numbers_in, numeric
from llmlab_pytest.scorers._overlap import bleu, rouge
from llmlab_pytest.scorers._pii import no_pii
from llmlab_pytest.scorers._protocol import (
    Scorer,
    ScorerFactory,
    ScorerRegistry,
    ScorerSpec,
    apply_scorer,
    ask_scorer,
    make_scorer,
    names_one_of,
    score_from,
    text_of,
)
from llmlab_pytest.scorers._quantity import quantity
from llmlab_pytest.scorers._reading import language, readability
from llmlab_pytest.scorers._refusal import is_refusal
from llmlab_pytest.scorers._rolling import (
    nats_per_byte,
    nats_per_token,
    nats_per_word,
)
from llmlab_pytest.scorers._schema import json_schema, pydantic_model
from llmlab_pytest.scorers._secrets import no_secrets
from llmlab_pytest.scorers._sql import is_sql
from llmlab_pytest.scorers._squad import squad_exact, squad_f1
from llmlab_pytest.scorers._text import (
    contains_all,
    contains_any,
    contains_none,
    exact,
    regex,
)
from llmlab_pytest.scorers._tone import polarity, sentiment
from llmlab_pytest.scorers._tool_calls import (
    no_tool_calls,
    tool_calls,
    valid_tool_calls,
)
from llmlab_pytest.scorers._translation import gleu, meteor
from llmlab_pytest.scorers._wording import (
    ends_with,
    length,
    one_of,
    starts_with,
    stop_reason,
)

__all__ = [
    "AnyScorer",
    "Scorer",
    "ScorerFactory",
    "ScorerRegistry",
    "ScorerSpec",
    "acc",
    "acc_bytes",
    "acc_mutual_info",
    "acc_norm",
    "all_of",
    "any_of",
    "apply_scorer",
    "ascore",
    "ask_scorer",
    "bleu",
    "bounds_fault",
    "choice",
    "chrf",
    "citations",
    "contains_all",
    "contains_any",
    "contains_none",
    "corpus_bleu",
    "date",
    "edit_distance",
    "edit_similarity",
    "ends_with",
    "exact",
    "exact_match",
    "f1",
    "gathered",
    "gleu",
    "hendrycks_math",
    "ifeval",
    "is_html",
    "is_json",
    "is_python",
    "is_refusal",
    "is_sql",
    "is_xml",
    "json_schema",
    "language",
    "length",
    "make_scorer",
    "markdown",
    "math_verify",
    "mc2",
    "mcc",
    "meteor",
    "minerva_math",
    "names_one_of",
    "nats_per_byte",
    "nats_per_token",
    "nats_per_word",
    "negate",
    "no_pii",
    "no_secrets",
    "no_tool_calls",
    "normaliser_of",
    "numbers_in",
    "numeric",
    "one_of",
    "passes_tests",
    "perplexity",
    "polarity",
    "pydantic_model",
    "quantity",
    "quotes",
    "readability",
    "regex",
    "rouge",
    "runs_python",
    "score",
    "score_from",
    "score_many",
    "scorer_registry",
    "sentiment",
    "squad_exact",
    "squad_f1",
    "starts_with",
    "stop_reason",
    "ter",
    "text_of",
    "threshold",
    "token_ratio",
    "tool_calls",
    "valid_tool_calls",
    "weighted",
]
