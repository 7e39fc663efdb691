"""Kept answers: free when this run receives them, and with what they took once."""

from dataclasses import replace
from typing import Literal

from llmlab_pytest.core import Completion, Original


def recalled(
    completion: Completion, *, alias: str, source: Literal["cache", "cassette"]
) -> Completion:
    """Return a completion that was read, not asked for.

    Args:
        completion: as the model gave it.
        alias: what the model is called now.
        source: where it was read.
    """
    original = Original(
        source=source,
        latency_s=completion.latency_s,
        ttft_s=completion.ttft_s,
        cost_usd=completion.cost_usd,
        compute_s=completion.compute_s,
        usage=completion.usage,
    )
    return replace(
        completion,
        model=alias,
        latency_s=0.0,
        ttft_s=None,
        cost_usd=0.0,
        compute_s=None,
        prefetched=False,
        resumed=False,
        original=original,
    )


def as_given(completion: Completion) -> Completion:
    """Return a completion as the model gave it, whoever handed it to this run."""
    original = completion.original
    if original is None:
        return completion
    return replace(
        completion,
        latency_s=original.latency_s,
        ttft_s=original.ttft_s,
        cost_usd=original.cost_usd,
        compute_s=original.compute_s,
        original=None,
    )
