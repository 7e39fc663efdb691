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
from llmlab_pytest.stats._bca import bca_interval
from llmlab_pytest.stats._betting import Decision, betting_interval, decide_side
from llmlab_pytest.stats._bootstrap import bootstrap_stderr
from llmlab_pytest.stats._clustered import (
    Clustered,
    clustered_interval,
    clustered_stderr,
)
from llmlab_pytest.stats._corpus import (
    CHRF_ORDER,
    CORPUS_STATISTICS,
    CorpusStatistic,
    Sums,
    SumsFunction,
    perplexity,
)
from llmlab_pytest.stats._corrected import Corrected, Rated, corrected_mean
from llmlab_pytest.stats._frontier import MOST_GROUPS, Offer, frontier, frontier_chances
from llmlab_pytest.stats._intervals import (
    clopper_pearson,
    mean_stderr,
    normal,
    pooled_stderr,
    quantile,
    ratio_interval,
    student_t,
    wilson,
)
from llmlab_pytest.stats._multiple import benjamini_hochberg, holm
from llmlab_pytest.stats._order import quantile_interval
from llmlab_pytest.stats._paired import Flipped, mcnemar, sign_flip, tango
from llmlab_pytest.stats._power import (
    detectable_mean,
    detectable_pairs,
    paired_power,
    proportion_power,
    samples_for_mean,
    samples_for_pairs,
    samples_for_proportion,
)
from llmlab_pytest.stats._ratio import fieller, fieller_of_tasks
from llmlab_pytest.stats._sums import sum_interval
from llmlab_pytest.stats._swap import swap_test
from llmlab_pytest.stats._threshold import Errors, Threshold, best_threshold

__all__ = [
    "CHRF_ORDER",
    "CORPUS_STATISTICS",
    "MOST_GROUPS",
    "ClassAgreement",
    "Clustered",
    "CorpusStatistic",
    "Corrected",
    "Decision",
    "Errors",
    "Flipped",
    "Kappa",
    "Offer",
    "Rated",
    "Sums",
    "SumsFunction",
    "Threshold",
    "Weights",
    "bca_interval",
    "benjamini_hochberg",
    "best_threshold",
    "betting_interval",
    "bootstrap_stderr",
    "class_agreement",
    "clopper_pearson",
    "clustered_interval",
    "clustered_stderr",
    "cohen_kappa",
    "corrected_mean",
    "correlation",
    "decide_side",
    "detectable_mean",
    "detectable_pairs",
    "fieller",
    "fieller_of_tasks",
    "frontier",
    "frontier_chances",
    "holm",
    "krippendorff_alpha",
    "mcnemar",
    "mean_stderr",
    "normal",
    "paired_power",
    "perplexity",
    "pooled_stderr",
    "proportion_power",
    "quantile",
    "quantile_interval",
    "ratio_interval",
    "samples_for_mean",
    "samples_for_pairs",
    "samples_for_proportion",
    "sign_flip",
    "student_t",
    "sum_interval",
    "swap_test",
    "tango",
    "wilson",
]
