"""How long answers took and how fast tokens came, over results.

Each is a function of what was measured: a kept answer took no time now, so neither its
seconds nor its tokens count. Where nothing was measured the value is `None`.
"""

from collections.abc import Callable, Sequence

from llmlab_pytest.core import SampleResult
from llmlab_pytest.stats import quantile

Measure = Callable[[Sequence[SampleResult]], float | None]
_QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))


def latencies_of(results: Sequence[SampleResult]) -> list[float]:
    """Return the latencies that were measured, in seconds."""
    return [r.latency_s for r in results if r.latency_s is not None]


def ttfts_of(results: Sequence[SampleResult]) -> list[float]:
    """Return the times to the first token that were measured, in seconds."""
    return [r.ttft_s for r in results if r.ttft_s is not None]


def tokens_per_s(results: Sequence[SampleResult]) -> float | None:
    """Return tokens read and written per second of call time."""
    return _rate(results, lambda result: result.usage.tokens - _kept(result)[0])


def output_tokens_per_s(results: Sequence[SampleResult]) -> float | None:
    """Return tokens written per second of call time, the wait for the first included.

    With calls side by side this is the speed of one of them, not of the provider.
    """
    return _rate(results, lambda result: result.usage.output_tokens - _kept(result)[1])


def _rate(
    results: Sequence[SampleResult], tokens: Callable[[SampleResult], int]
) -> float | None:
    asked_s = sum(latencies_of(results))
    return sum(map(tokens, results)) / asked_s if asked_s > 0 else None


def _kept(result: SampleResult) -> tuple[int, int]:
    """Return how many tokens, and output tokens, are those of kept answers."""
    if result.original is None:
        return 0, 0
    return result.original.usage.tokens, result.original.usage.output_tokens


def _quantile_of(
    values: Callable[[Sequence[SampleResult]], list[float]], q: float
) -> Measure:
    return lambda results: quantile(values(results), q)


SPEED: dict[str, Measure] = {
    **{f"latency_{name}_s": _quantile_of(latencies_of, q) for name, q in _QUANTILES},
    **{f"ttft_{name}_s": _quantile_of(ttfts_of, q) for name, q in _QUANTILES},
    "tokens_per_s": tokens_per_s,
    "output_tokens_per_s": output_tokens_per_s,
}
"""By name of the metric; `ttft` is the time to the first token of a streamed answer."""
