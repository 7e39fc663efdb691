"""Statistics as pure functions: numbers in, intervals out. No input or output."""

from llmlab_pytest.stats._agreement import (
    ClassAgreement,
    Kappa,
    Weights,
    class_agreement,
    cohen_kappa,
    correlation,
    krippendorff_alpha,
)
from llmlab_pytest.stats._bootstrap import bootstrap_stderr
from llmlab_pytest.stats._corpus import (
    CHRF_ORDER,
    CORPUS_STATISTICS,
    CorpusStatistic,
    perplexity,
)
from llmlab_pytest.stats._corrected import Corrected, Rated, corrected_mean
from llmlab_pytest.stats._intervals import (
    mean_stderr,
    normal,
    pooled_stderr,
    quantile,
    ratio_interval,
    student_t,
    wilson,
)
from llmlab_pytest.stats._sums import sum_interval
from llmlab_pytest.stats._threshold import Errors, Threshold, best_threshold

__all__ = [
    "CHRF_ORDER",
    "CORPUS_STATISTICS",
    "ClassAgreement",
    "CorpusStatistic",
    "Corrected",
    "Errors",
    "Kappa",
    "Rated",
    "Threshold",
    "Weights",
    "best_threshold",
    "bootstrap_stderr",
    "class_agreement",
    "cohen_kappa",
    "corrected_mean",
    "correlation",
    "krippendorff_alpha",
    "mean_stderr",
    "normal",
    "perplexity",
    "pooled_stderr",
    "quantile",
    "ratio_interval",
    "student_t",
    "sum_interval",
    "wilson",
]
