"""Aggregates over scores: a task on a model becomes numbers with intervals."""

from llmlab_pytest.metrics._clusters import Clusters, clustered
from llmlab_pytest.metrics._contributions import contributions
from llmlab_pytest.metrics._engines import engine_accounts
from llmlab_pytest.metrics._metrics import (
    TAKEN,
    MetricFunction,
    MetricRegistry,
    compute,
    default_metrics,
    exact_interval,
    interval_at,
    mean_of,
    mean_of_values,
    sample_values,
    values_of,
)
from llmlab_pytest.metrics._paired import Difference, difference, difference_interval
from llmlab_pytest.metrics._reducers import check_epochs, reducer_of
from llmlab_pytest.metrics._rows import build_row

__all__ = [
    "TAKEN",
    "Clusters",
    "Difference",
    "MetricFunction",
    "MetricRegistry",
    "build_row",
    "check_epochs",
    "clustered",
    "compute",
    "contributions",
    "default_metrics",
    "difference",
    "difference_interval",
    "engine_accounts",
    "exact_interval",
    "interval_at",
    "mean_of",
    "mean_of_values",
    "reducer_of",
    "sample_values",
    "values_of",
]
