"""Forecasts to and from the text that is kept with a run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from llmlab_pytest.core import Forecast, Span

ESTIMATE = "estimate"
"""Factor of a run: the forecasts that were made before it."""
_SPANS = ("input_tokens", "output_tokens", "cost_usd", "time_s")


def forecasts_text(forecasts: Sequence[Forecast]) -> str:
    """Return forecasts as JSON."""
    return json.dumps([asdict(forecast) for forecast in forecasts])


def forecasts_of(text: str) -> tuple[Forecast, ...]:
    """Return the forecasts of `forecasts_text`."""
    return tuple(map(_forecast_of, json.loads(text)))


def _forecast_of(fields: Mapping[str, Any]) -> Forecast:
    spans = {
        name: None if fields[name] is None else Span(**fields[name]) for name in _SPANS
    }
    return Forecast(**{**fields, **spans})
