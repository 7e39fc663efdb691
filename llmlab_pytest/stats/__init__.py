"""Statistics as pure functions: numbers in, intervals out. No input or output."""

from llmlab_pytest.stats._intervals import (
    mean_stderr,
    pooled_stderr,
    quantile,
    ratio_interval,
    student_t,
    wilson,
)

__all__ = [
    "mean_stderr",
    "pooled_stderr",
    "quantile",
    "ratio_interval",
    "student_t",
    "wilson",
]
