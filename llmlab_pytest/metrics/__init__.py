"""Aggregates over scores: a task on a model becomes numbers with intervals."""

from llmlab_pytest.metrics._contributions import contributions
from llmlab_pytest.metrics._metrics import (
    MetricFunction,
    MetricRegistry,
    compute,
    default_metrics,
    interval_of,
    mean_of,
    values_of,
)
from llmlab_pytest.metrics._rows import build_row

__all__ = [
    "MetricFunction",
    "MetricRegistry",
    "build_row",
    "compute",
    "contributions",
    "default_metrics",
    "interval_of",
    "mean_of",
    "values_of",
]
