"""Forecasts: what a run will take before it starts, and a larger one after it."""

from llmlab_pytest.forecast._history import Measured, find_measured
from llmlab_pytest.forecast._judges import forecast_judges
from llmlab_pytest.forecast._kept import ESTIMATE, forecasts_of, forecasts_text
from llmlab_pytest.forecast._measured import forecast_measured, pace_of, predict
from llmlab_pytest.forecast._prompts import forecast_prompts

__all__ = [
    "ESTIMATE",
    "Measured",
    "find_measured",
    "forecast_judges",
    "forecast_measured",
    "forecast_prompts",
    "forecasts_of",
    "forecasts_text",
    "pace_of",
    "predict",
]
